package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.source.ImageDatasets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RunWorldTest {
    private final List<String> digested = new ArrayList<>();

    @Test
    void theDigestsThatTheLoopAsksForAreThereOnceTheImagesAreOpen() {
        open(TestingPlans.distilled());

        assertThat(digested).containsExactly("train", "test");
    }

    @Test
    void withoutATeacherTheTestImagesNeedNoDigest() {
        open(TestingPlans.supervised());

        assertThat(digested).containsExactly("train");
    }

    private void open(String yaml) {
        ImageDataset images = ImageDatasets.open("builtin:fashion-mnist", Path.of("/"));
        ImageDataset noted =
                new ImageDataset(
                        images.location(),
                        images.format(),
                        new Noted("train", images.train()),
                        new Noted("test", images.test()),
                        images.publishedStatistics());
        RunWorld world =
                RunWorld.of(
                        PlanReader.read(yaml, List.of()),
                        Path.of("/"),
                        new Datasets.Open(noted, Optional.empty()),
                        8);
        world.close();
    }

    /** A split that notes when it reads all of its pixels. */
    private final class Noted implements ImageSplit {
        private final String name;
        private final ImageSplit split;

        Noted(String name, ImageSplit split) {
            this.name = name;
            this.split = split;
        }

        @Override
        public String sha256() {
            digested.add(name);
            return split.sha256();
        }

        @Override
        public ImageShape shape() {
            return split.shape();
        }

        @Override
        public List<String> classNames() {
            return split.classNames();
        }

        @Override
        public int size() {
            return split.size();
        }

        @Override
        public int label(int index) {
            return split.label(index);
        }

        @Override
        public long sampleId(int index) {
            return split.sampleId(index);
        }

        @Override
        public void copyImage(int index, byte[] target, int offset) {
            split.copyImage(index, target, offset);
        }
    }
}
