package io.abmesh.cli.run;

import io.abmesh.cli.mesh.ProcessEnded;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.WatchRunResponse;

/** What the loop of a run hears. */
sealed interface SessionEvent {

    /** A process ended by itself. */
    record ProcessGone(ProcessEnded end) implements SessionEvent {}

    /** The coordinator told something of the run. */
    record RunMoved(WatchRunResponse update) implements SessionEvent {}

    /** The coordinator refuses to tell. */
    record WatchRefused(MeshException error) implements SessionEvent {}
}
