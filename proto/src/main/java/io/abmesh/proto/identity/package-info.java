/**
 * Who a process is: the part of the mesh that its certificate names, and the certificate itself.
 */
@NullMarked
package io.abmesh.proto.identity;

import org.jspecify.annotations.NullMarked;
