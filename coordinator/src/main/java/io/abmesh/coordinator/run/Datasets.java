package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.source.ImageDatasets;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectException;
import io.abmesh.proto.error.ErrorReason;
import java.nio.file.Path;

/**
 * The images that plans name: built in, in a folder, or in an object store, from where they are
 * fetched once.
 */
public final class Datasets {
    private final ObjectCache cache;

    /**
     * Makes a view of all of them.
     *
     * @param cache borrowed
     */
    public Datasets(ObjectCache cache) {
        this.cache = cache;
    }

    /**
     * Opens the data set of a plan; reads files, and may first fetch them.
     *
     * @param base folder that relative paths are relative to
     * @throws io.abmesh.data.image.DatasetException with one line
     * @throws io.abmesh.proto.error.MeshException DATASET_UNREADABLE, OBJECTS_UNAVAILABLE or
     *     STORE_FULL if it cannot be fetched
     */
    ImageDataset open(CompletePlan plan, Path base) {
        String location = plan.resolved(base).getData().getLocation();
        return ImageDatasets.open(
                ObjectAddress.isMeantBy(location) ? fetched(location) : location, Path.of("/"));
    }

    private String fetched(String location) {
        try {
            return cache.folder(ObjectAddress.parse(location)).toString();
        } catch (ObjectException e) {
            throw ObjectFailures.of(e, ErrorReason.DATASET_UNREADABLE);
        }
    }
}
