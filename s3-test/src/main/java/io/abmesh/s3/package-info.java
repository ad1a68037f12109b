/** A real S3 server, started by tests. */
@NullMarked
package io.abmesh.s3;

import org.jspecify.annotations.NullMarked;
