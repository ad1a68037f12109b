/** The services of a mesh as processes of this machine: started, watched, restarted and stopped. */
@NullMarked
package io.abmesh.cli.mesh;

import org.jspecify.annotations.NullMarked;
