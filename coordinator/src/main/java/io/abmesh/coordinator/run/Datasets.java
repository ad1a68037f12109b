package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.source.ImageDatasets;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectException;
import io.abmesh.objects.ObjectUse;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.nio.file.Path;
import java.util.Optional;

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
     * Images that are open. What was fetched of them stays in the cache until this is closed; they
     * are not read afterwards.
     *
     * @param images of the plan
     * @param use of the cache; nothing if they were not fetched
     */
    public record Open(ImageDataset images, Optional<ObjectUse> use) implements AutoCloseable {
        @Override
        public void close() {
            use.ifPresent(ObjectUse::close);
        }
    }

    /**
     * Opens the data set of a plan; reads files, and may first fetch them.
     *
     * @param base folder that relative paths are relative to
     * @throws DatasetException with one line
     * @throws MeshException DATASET_UNREADABLE, OBJECTS_UNAVAILABLE or STORE_FULL if it cannot be
     *     fetched
     */
    Open open(CompletePlan plan, Path base) {
        String location = plan.resolved(base).getData().getLocation();
        if (!ObjectAddress.isMeantBy(location)) {
            return new Open(ImageDatasets.open(location, Path.of("/")), Optional.empty());
        }
        ObjectUse use = fetched(location);
        try {
            return new Open(
                    ImageDatasets.open(use.path().toString(), Path.of("/")), Optional.of(use));
        } catch (RuntimeException e) {
            use.close();
            throw e;
        }
    }

    /** Returns the failure of the contract for images that cannot be read. */
    static MeshException unreadable(DatasetException e) {
        return new MeshException(ErrorReason.DATASET_UNREADABLE, String.valueOf(e.getMessage()));
    }

    private ObjectUse fetched(String location) {
        try {
            return cache.folder(ObjectAddress.parse(location));
        } catch (ObjectException e) {
            throw ObjectFailures.of(e, ErrorReason.DATASET_UNREADABLE);
        }
    }
}
