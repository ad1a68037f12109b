package io.abmesh.bench.scale;

import com.sun.management.OperatingSystemMXBean;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.student.exchange.GradientExchange;
import io.abmesh.student.exchange.Roster;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Images a second of 1 to 16 students whose computation is a pause of 50 ms per micro-batch, all in
 * one process over loopback: what remains is the exchange. A step has 64 micro-batches of 64
 * images, whatever the number of students.
 */
public final class StudentScale {
    private static final Duration COMPUTE = Duration.ofMillis(50);
    private static final int MICRO_BATCHES = 64;
    private static final int MICRO_BATCH = 64;

    /** Steps without a pause until the compiler has nothing left to do. */
    private static final Duration WARM_UP = Duration.ofSeconds(15);

    /** Running statistics of a wide residual network of depth 16 and width 2. */
    private static final int STATISTICS = 2_000;

    private StudentScale() {}

    /** Prints a table; {@code java StudentScale PARAMETERS STEPS STUDENTS...}. */
    public static void main(String[] arguments) throws Exception {
        int parameters = Integer.parseInt(arguments[0]);
        int steps = Integer.parseInt(arguments[1]);
        System.out.printf(
                Locale.ROOT,
                "%,d parameters%n%8s  %10s  %9s  %10s  %14s  %22s  %s%n",
                parameters,
                "students",
                "ms/step",
                "images/s",
                "efficiency",
                "exchange ms",
                "CPU ms/step, student",
                "CPU load of this machine");
        double alone = 0;
        for (int i = 2; i < arguments.length; i++) {
            int students = Integer.parseInt(arguments[i]);
            Measured measured = measure(parameters, steps, students);
            double rate = MICRO_BATCHES * MICRO_BATCH * 1e9 / measured.nanosPerStep();
            if (alone == 0) {
                alone = rate / students;
            }
            double compute = (double) COMPUTE.toNanos() * MICRO_BATCHES / students;
            System.out.printf(
                    Locale.ROOT,
                    "%8d  %10.1f  %9.0f  %10.3f  %14.1f  %22.1f  %.2f%n",
                    students,
                    measured.nanosPerStep() / 1e6,
                    rate,
                    rate / students / alone,
                    (measured.nanosPerStep() - compute) / 1e6,
                    measured.cpuNanosPerStep() / students / 1e6,
                    measured.cpuNanosPerStep()
                            / measured.nanosPerStep()
                            / Runtime.getRuntime().availableProcessors());
        }
    }

    private record Measured(double nanosPerStep, double cpuNanosPerStep) {}

    private static Measured measure(int parameters, int steps, int count) throws Exception {
        float[] gradient = new float[parameters];
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < parameters; i++) {
            gradient[i] = (float) random.nextGaussian();
        }
        List<StandInStudent> students = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            for (int i = 0; i < count; i++) {
                students.add(new StandInStudent(gradient, new float[STATISTICS]));
            }
            List<RosterMember> members = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                members.add(
                        students.get(i)
                                .member(
                                        i * MICRO_BATCHES / count,
                                        (i + 1) * MICRO_BATCHES / count));
            }
            CyclicBarrier trained = new CyclicBarrier(count);
            AtomicLong lastOfWarmUp = new AtomicLong(Long.MAX_VALUE);
            List<Callable<long[]>> work = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                Roster roster = new Roster("bench", 1, members, i, MICRO_BATCHES, 0, "");
                StandInStudent student = students.get(i);
                work.add(() -> train(student, roster, steps, lastOfWarmUp, trained));
            }
            long wall = 0;
            long cpu = 0;
            for (Future<long[]> done : threads.invokeAll(work)) {
                wall = Math.max(wall, done.get()[0]);
                cpu = Math.max(cpu, done.get()[1]);
            }
            for (StandInStudent student : students) {
                if (student.parameter() != students.get(0).parameter()) {
                    throw new IllegalStateException("students ended in different parameters");
                }
            }
            return new Measured((double) wall / steps, (double) cpu / steps);
        } finally {
            students.forEach(StandInStudent::close);
            threads.shutdownNow();
        }
    }

    /** Returns the time of the steps behind the first few, and the process's time in them. */
    private static long[] train(
            StandInStudent student,
            Roster roster,
            int steps,
            AtomicLong lastOfWarmUp,
            CyclicBarrier trained)
            throws Exception {
        try (GradientExchange exchange = student.join(roster)) {
            long warmUpEnd = System.nanoTime() + WARM_UP.toNanos();
            long step = 0;
            while (step <= lastOfWarmUp.get()) {
                student.step(step, roster, exchange, Duration.ZERO);
                if (roster.ownIndex() == 0
                        && lastOfWarmUp.get() == Long.MAX_VALUE
                        && System.nanoTime() >= warmUpEnd) {
                    // Nobody is further ahead than one step.
                    lastOfWarmUp.set(step + 2);
                }
                step++;
            }
            long begun = System.nanoTime();
            long cpu = processorNanos();
            for (long end = step + steps; step < end; step++) {
                student.step(step, roster, exchange, COMPUTE);
            }
            long[] spent = {System.nanoTime() - begun, processorNanos() - cpu};
            trained.await();
            return spent;
        }
    }

    private static long processorNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
