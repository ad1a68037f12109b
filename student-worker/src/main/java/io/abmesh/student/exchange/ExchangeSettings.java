package io.abmesh.student.exchange;

import java.time.Duration;

/**
 * How long students wait for each other.
 *
 * @param partTimeout for another student's part of a step
 * @param stallTimeout for a peer that does not read
 * @param stateDeadline for the whole state of the leader
 * @param stateBytes bound of the state, in bytes
 */
public record ExchangeSettings(
        Duration partTimeout, Duration stallTimeout, Duration stateDeadline, long stateBytes) {}
