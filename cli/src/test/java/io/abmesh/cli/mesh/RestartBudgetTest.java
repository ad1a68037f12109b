package io.abmesh.cli.mesh;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RestartBudgetTest {

    private final RestartBudget budget = new RestartBudget();

    @Test
    void countsDeathsOfEachProcessByItself() {
        assertThat(budget.died("teacher-0")).isEqualTo(1);
        assertThat(budget.died("teacher-0")).isEqualTo(2);
        assertThat(budget.died("student-0")).isEqualTo(1);
    }

    @Test
    void forgivesWhenTheRunMoves() {
        budget.progressed(5);
        budget.died("student-0");

        budget.progressed(6);

        assertThat(budget.died("student-0")).isEqualTo(1);
    }

    @Test
    void doesNotForgiveForStepsThatAreDoneAgain() {
        budget.progressed(5);
        budget.died("student-0");

        budget.progressed(3);
        budget.progressed(5);

        assertThat(budget.died("student-0")).isEqualTo(2);
    }
}
