/** Objects of an S3-compatible store: named, fetched into a local cache, and put. */
@NullMarked
package io.abmesh.objects;

import org.jspecify.annotations.NullMarked;
