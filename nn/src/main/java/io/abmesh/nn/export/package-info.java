/**
 * Turns a trained student into files that strangers read: ONNX and a DL4J archive of standard
 * layers. Connectors are left out, raw pixels go in, logits come out. A file appears only after it
 * has computed what the trained network computes.
 */
@NullMarked
package io.abmesh.nn.export;

import org.jspecify.annotations.NullMarked;
