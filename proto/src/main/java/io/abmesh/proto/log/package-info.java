/** What lines of a log belong to. */
@NullMarked
package io.abmesh.proto.log;

import org.jspecify.annotations.NullMarked;
