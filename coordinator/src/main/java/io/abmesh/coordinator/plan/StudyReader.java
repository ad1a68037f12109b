package io.abmesh.coordinator.plan;

import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Study;
import io.abmesh.proto.v1.StudyMethod;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * Reads a study along the descriptor of {@link Study}, as {@link PlanReader} reads a plan, and
 * makes the plan of each of its runs: the base, changed by the method, with a seed and a fraction.
 *
 * <p>Plans are made of the nodes of the study's own tree, so that a problem with one of them is
 * told at the line that it comes from. All problems are found before any is told.
 */
public final class StudyReader {
    /** Runs of a study at most: {@value}. */
    static final int MAX_RUNS = 1000;

    private static final String NAME = "[A-Za-z0-9][A-Za-z0-9.-]{0,30}";
    private static final List<String> NOT_IN_A_STUDY = List.of("name", "seed", "compare");
    private static final List<String> SIZES = List.of("data.train.images", "data.train.fraction");

    /**
     * What images there are; methods that learn from or are tested on others are not comparable.
     */
    private static final List<String> IMAGES = List.of("data.location", "data.train", "data.test");

    private final MappingNode root;
    private final List<PlanProblem> problems = new ArrayList<>();
    private final Study.Builder study = Study.newBuilder();
    private final PlanSource source;

    private StudyReader(MappingNode root, List<PlanProblem> before) {
        this.root = root;
        problems.addAll(before);
        source = PlanReader.walk(root, study, problems);
    }

    /**
     * Reads, completes and checks a study and its plans.
     *
     * @param yaml the user's text
     * @param overrides {@code KEY=VALUE}, applied in order
     * @throws io.abmesh.proto.error.MeshException with {@code INVALID_PLAN} and every problem
     */
    public static CompleteStudy read(String yaml, List<String> overrides) {
        List<PlanProblem> problems = new ArrayList<>();
        Optional<MappingNode> root = YamlTree.parse(yaml, problems);
        if (root.isEmpty()) {
            throw PlanProblem.exception(problems);
        }
        overrides.forEach(override -> YamlTree.set(root.get(), override, problems));
        return new StudyReader(root.get(), problems).complete();
    }

    private CompleteStudy complete() {
        if (!source.wrote("baseline") && study.getMethodsCount() > 0) {
            study.setBaseline(study.getMethods(0).getName());
        }
        if (!source.wrote("parallel")) {
            study.setParallel(1);
        }
        check();
        if (!problems.isEmpty()) {
            throw PlanProblem.exception(problems);
        }
        StudyProblems ofPlans = new StudyProblems(study.getMethodsCount());
        List<StudyPlan> plans = plans(ofPlans);
        if (!ofPlans.list().isEmpty()) {
            throw PlanProblem.exception(ofPlans.list());
        }
        return new CompleteStudy(study.build(), plans);
    }

    private void check() {
        require(
                study.getName().matches(NAME),
                "name",
                study.getName(),
                "letters, digits, - and ., up to 31");
        require(study.hasBase(), "base", "nothing", "a plan");
        methods();
        distinct("seeds", study.getSeedsList());
        require(study.getSeedsCount() > 0, "seeds", "none", "one or more");
        distinct("fractions", study.getFractionsList());
        for (int i = 0; i < study.getFractionsCount(); i++) {
            double fraction = study.getFractions(i);
            require(
                    fraction > 0 && fraction <= 1,
                    "fractions[" + i + "]",
                    fraction,
                    "more than 0, at most 1");
        }
        require(study.getParallel() >= 1, "parallel", study.getParallel(), "1 or more");
        long runs =
                (long) study.getMethodsCount()
                        * study.getSeedsCount()
                        * Math.max(1, study.getFractionsCount());
        require(runs <= MAX_RUNS, "methods", runs + " runs", "at most " + MAX_RUNS);
        ofTheStudy("base", NOT_IN_A_STUDY);
        if (study.getFractionsCount() > 0) {
            ofTheStudy("base", SIZES);
        }
        for (int i = 0; i < study.getMethodsCount(); i++) {
            String plan = "methods[" + i + "].plan";
            ofTheStudy(plan, NOT_IN_A_STUDY);
            for (String key : IMAGES) {
                refuse(plan + "." + key, "every method has the images that base and fractions say");
            }
        }
    }

    private void methods() {
        List<String> names = study.getMethodsList().stream().map(StudyMethod::getName).toList();
        require(!names.isEmpty(), "methods", "none", "one or more");
        for (int i = 0; i < names.size(); i++) {
            require(
                    names.get(i).matches(NAME),
                    "methods[" + i + "].name",
                    names.get(i),
                    "letters, digits, - and ., up to 31");
        }
        distinct("methods", names);
        require(
                names.isEmpty() || names.contains(study.getBaseline()),
                "baseline",
                study.getBaseline(),
                "one of " + names);
    }

    private void distinct(String path, List<?> values) {
        Set<Object> seen = new HashSet<>();
        for (int i = 0; i < values.size(); i++) {
            require(seen.add(values.get(i)), path + "[" + i + "]", values.get(i), "each once");
        }
    }

    /** What the study decides itself must not be said again. */
    private void ofTheStudy(String plan, List<String> keys) {
        for (String key : keys) {
            refuse(
                    plan + "." + key,
                    "in a study this is what its methods, seeds and fractions say");
        }
    }

    private void refuse(String path, String because) {
        require(!source.wrote(path), path, "a value", "nothing: " + because);
    }

    private List<StudyPlan> plans(StudyProblems ofPlans) {
        List<StudyPlan> plans = new ArrayList<>();
        for (int seed = 0; seed < study.getSeedsCount(); seed++) {
            for (int fraction = 0; fraction < Math.max(1, study.getFractionsCount()); fraction++) {
                for (int method = 0; method < study.getMethodsCount(); method++) {
                    plans.add(plan(method, seed, fraction, ofPlans));
                }
            }
        }
        return plans;
    }

    private StudyPlan plan(int method, int seed, int fraction, StudyProblems ofPlans) {
        MappingNode base = (MappingNode) node("base");
        Node change = YamlTree.get((MappingNode) element("methods", method), "plan").orElse(base);
        MappingNode tree = change instanceof MappingNode map ? YamlTree.merged(base, map) : base;
        String name = study.getMethods(method).getName();
        tree = YamlTree.with(tree, "name", YamlTree.text(study.getName() + "-" + name));
        tree = YamlTree.with(tree, "seed", element("seeds", seed));
        if (study.getFractionsCount() > 0) {
            MappingNode size = YamlTree.mapping("fraction", element("fractions", fraction));
            tree = YamlTree.merged(tree, YamlTree.mapping("data", YamlTree.mapping("train", size)));
        }
        tree =
                needsTeacher(tree)
                        ? YamlTree.with(
                                tree,
                                "compare",
                                YamlTree.mapping("crossEntropy", YamlTree.text("false")))
                        : YamlTree.without(tree, "teacher");
        List<PlanProblem> found = new ArrayList<>();
        CompletePlan plan = PlanReader.complete(tree, found);
        ofPlans.add(name, found);
        return new StudyPlan(
                name,
                study.getSeeds(seed),
                study.getFractionsCount() == 0 ? 0 : study.getFractions(fraction),
                plan);
    }

    private static boolean needsTeacher(MappingNode tree) {
        Plan.Builder plan = Plan.newBuilder();
        PlanReader.walk(tree, plan, new ArrayList<>());
        return plan.getPhasesList().stream().anyMatch(PlanNeeds::teacher);
    }

    /** The value of a key that was found to be there. */
    private Node node(String key) {
        return YamlTree.get(root, key).orElseThrow();
    }

    /** An element of a list, which may be written without brackets if there is but one. */
    private Node element(String key, int index) {
        return node(key) instanceof SequenceNode list ? list.getValue().get(index) : node(key);
    }

    private void require(boolean holds, String path, Object found, String expected) {
        boolean told = problems.stream().anyMatch(p -> p.path().equals(path));
        if (!holds && !told) {
            problems.add(
                    source.problem(
                            path,
                            "found="
                                    + (found.toString().isEmpty() ? "nothing" : found)
                                    + ", expected="
                                    + expected));
        }
    }
}
