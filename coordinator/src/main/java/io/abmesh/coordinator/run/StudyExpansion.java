package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.CompleteStudy;
import io.abmesh.coordinator.plan.DataFacts;
import io.abmesh.coordinator.plan.PlanAgainstWorld;
import io.abmesh.coordinator.plan.PlanDocument;
import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.coordinator.plan.PlanProblem;
import io.abmesh.coordinator.plan.PlanSubsets;
import io.abmesh.coordinator.plan.StudyPlan;
import io.abmesh.coordinator.plan.StudyProblems;
import io.abmesh.coordinator.plan.StudyReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ExpandStudyResponse;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.StudyRun;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Tells the runs of a study, each checked against its data. */
final class StudyExpansion {
    private final Path base;
    private final Datasets opener;
    private final Map<String, Datasets.Open> datasets = new HashMap<>();

    private StudyExpansion(Path base, Datasets opener) {
        this.base = base;
        this.opener = opener;
    }

    /**
     * Reads a study and checks its plans.
     *
     * @param base folder that relative paths are relative to
     * @throws MeshException INVALID_PLAN with every problem, DATASET_UNREADABLE,
     *     OBJECTS_UNAVAILABLE
     */
    static ExpandStudyResponse of(String yaml, List<String> overrides, Path base, Datasets opener) {
        StudyExpansion expansion = new StudyExpansion(base, opener);
        try {
            return expansion.expand(StudyReader.read(yaml, overrides));
        } finally {
            expansion.datasets.values().forEach(Datasets.Open::close);
        }
    }

    private ExpandStudyResponse expand(CompleteStudy study) {
        ExpandStudyResponse.Builder response =
                ExpandStudyResponse.newBuilder().setStudy(study.study());
        StudyProblems problems = new StudyProblems(study.study().getMethodsCount());
        for (StudyPlan plan : study.plans()) {
            ImageDataset dataset = dataset(plan.plan());
            List<PlanProblem> found = PlanAgainstWorld.check(plan.plan(), dataset);
            problems.add(plan.method(), found);
            if (found.isEmpty()) {
                response.addRuns(
                        run(plan, PlanSubsets.choose(plan.plan(), dataset).facts(dataset)));
            }
        }
        if (!problems.list().isEmpty()) {
            throw PlanProblem.exception(problems.list());
        }
        return response.build();
    }

    private ImageDataset dataset(CompletePlan plan) {
        try {
            return datasets.computeIfAbsent(
                            plan.plan().getData().getLocation(),
                            location -> opener.open(plan, base))
                    .images();
        } catch (DatasetException e) {
            throw Datasets.unreadable(e);
        }
    }

    private static StudyRun run(StudyPlan studyPlan, DataFacts data) {
        Plan plan = studyPlan.plan().plan();
        RunScript script =
                new RunScript(
                        plan, TrackPlanner.tracks(plan, data.trainCount()), data.trainCount());
        return StudyRun.newBuilder()
                .setMethod(studyPlan.method())
                .setSeed(studyPlan.seed())
                .setFraction(studyPlan.fraction())
                .setPlanYaml(PlanDocument.of(plan).toPrettyString() + "\n")
                .setPlanSha256(studyPlan.plan().sha256())
                .addAllWarnings(studyPlan.plan().warnings())
                .setTrainCount(data.trainCount())
                .setBatch(plan.getBatch())
                .setStepCount(script.totalSteps())
                .setEvaluatedCount(evaluations(plan) * data.testCount())
                .setTeacher(plan.hasTeacher())
                .build();
    }

    /**
     * Evaluations on the way, if each phase began at a multiple of the interval, and at its end.
     */
    private static long evaluations(Plan plan) {
        int every = plan.getEvaluateEveryEpochs();
        return plan.getPhasesList().stream()
                .filter(PlanNeeds::classifier)
                .mapToLong(phase -> every == 0 ? 1 : (long) Math.ceil(phase.getEpochs() / every))
                .sum();
    }
}
