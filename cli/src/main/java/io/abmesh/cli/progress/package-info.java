/** What a person sees while a run goes on. */
@NullMarked
package io.abmesh.cli.progress;

import org.jspecify.annotations.NullMarked;
