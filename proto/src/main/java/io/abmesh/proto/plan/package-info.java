/** What a plan's losses read, which coordinator and student must see alike. */
@NullMarked
package io.abmesh.proto.plan;

import org.jspecify.annotations.NullMarked;
