/**
 * The error catalogue: reason, gRPC code and retry class, and how an error travels in a {@code
 * google.rpc.Status}.
 */
@NullMarked
package io.abmesh.proto.error;

import org.jspecify.annotations.NullMarked;
