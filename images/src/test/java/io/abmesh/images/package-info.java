/** Tests of the images as they were built. */
package io.abmesh.images;
