package io.sluice.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.ManualClock;
import io.sluice.util.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Leases from both sides, on a clock that is moved by hand. */
final class LeaseTest {

  private static final String NAME = "broker-a";
  private static final long LEASE_MS = 2_000;

  private final ManualClock clock = new ManualClock(1_000);
  private final Lease lease = new Lease(clock);

  @Test
  void shouldEndALeaseAfterTheSendingOfWhatWasGranted() {
    assertFalse(lease.holds(1));
    Lease.Sent sent = lease.now();
    clock.advanceMs(1_500);
    lease.granted(1, sent, LEASE_MS);
    assertTrue(lease.holds(1));
    assertFalse(lease.holds(2), "of another epoch");
    clock.advanceMs(500);
    assertFalse(lease.holds(1), "the answer took most of it");
  }

  @Test
  void shouldNotShortenALeaseByAnOlderAnswer() {
    Lease.Sent old = lease.now();
    clock.advanceMs(1_000);
    lease.granted(1, lease.now(), LEASE_MS);
    lease.granted(1, old, LEASE_MS);
    clock.advanceMs(1_999);
    assertTrue(lease.holds(1));
    lease.drop();
    assertFalse(lease.holds(1));
  }

  @Test
  void shouldEndALeaseByWhicheverClockIsAhead() {
    long[] times = {0, 0};
    Lease strict =
        new Lease(
            new Clock() {
              @Override
              public long nowMs() {
                return times[0];
              }

              @Override
              public long nowNs() {
                return times[1] * 1_000_000;
              }
            });
    strict.granted(1, strict.now(), LEASE_MS);
    times[0] = 2_000;
    assertFalse(strict.holds(1), "the machine was suspended: its steady clock stood still");
    times[0] = -5_000;
    assertTrue(strict.holds(1));
    times[1] = 2_000;
    assertFalse(strict.holds(1), "the wall clock was set back");
  }

  @Test
  void shouldElectOnlyWhenTheMasterWasSilentForALeaseAndTheMargin() {
    ControllerState state = elected();
    Elections elections = leading();
    heard(elections, state, 1, "a");
    wait(elections, state, LEASE_MS);
    heard(elections, state, 2, "b");
    assertEquals(List.of(), wait(elections, state, Elections.MARGIN_MS));
    assertEquals(2, wait(elections, state, 100).get(0).node());
  }

  @Test
  void shouldWaitAWholeLeaseAfterItBeganToLeadAndNotAfterItHeardTheFirst() {
    ControllerState state = elected();
    Elections elections = leading();
    assertEquals(List.of(), wait(elections, state, 700));
    heard(elections, state, 2, "b");
    assertEquals(List.of(), wait(elections, state, LEASE_MS - 700));
    heard(elections, state, 2, "b");
    assertEquals(List.of(), wait(elections, state, Elections.MARGIN_MS));
    assertEquals(2, wait(elections, state, 1).get(0).node());
  }

  @Test
  void shouldGiveWhoWasElectedALeaseBeforeItElectsAgain() {
    ControllerState state = elected();
    Elections elections = leading();
    heard(elections, state, 1, "a");
    heard(elections, state, 2, "b");
    clock.advanceMs(100);
    elections.resigned(state.group(NAME), 1, "a");
    Command.Elect elect = elections.tick(state).get(0);
    state.apply(elect);
    // What it had sent before may be answered with the new epoch, and so grant it a lease.
    assertEquals(List.of(), wait(elections, state, LEASE_MS));
  }

  @Test
  void shouldBeginAnewAfterItStoodStill() {
    ControllerState state = elected();
    Elections elections = leading();
    heard(elections, state, 1, "a");
    heard(elections, state, 2, "b");
    clock.advanceMs(10_000);
    heard(elections, state, 2, "b");
    assertEquals(List.of(), elections.tick(state), "it could not hear the master meanwhile");
  }

  @Test
  void shouldElectAtOnceWhenTheMasterResigned() {
    ControllerState state = elected();
    Elections elections = leading();
    heard(elections, state, 1, "a");
    heard(elections, state, 2, "b");
    elections.resigned(state.group(NAME), 1, "an older process");
    assertEquals(List.of(), elections.tick(state));
    elections.resigned(state.group(NAME), 1, "a");
    assertEquals(2, elections.tick(state).get(0).node());
  }

  @Test
  void shouldNotTakeAnotherStartOfTheMasterForARenewal() {
    ControllerState state = elected();
    Elections elections = leading();
    heard(elections, state, 1, "a");
    for (int i = 0; i < 26; i++) {
      heard(elections, state, 1, "started again");
      assertEquals(List.of(), wait(elections, state, 95));
    }
    heard(elections, state, 1, "started again");
    assertEquals("started again", wait(elections, state, 200).get(0).incarnation());
  }

  @Test
  void shouldChooseTheLongestLogForAGroupThatNobodyKnowsYet() {
    ControllerState state = new ControllerState();
    joined(state);
    Elections elections = leading();
    elections.heard(state.group(NAME), 1, "a", 0, 0);
    elections.heard(state.group(NAME), 2, "b", 4, 10);
    assertEquals(List.of(), wait(elections, state, 900));
    Command.Elect elect = wait(elections, state, 100).get(0);
    assertEquals(2, elect.node());
    assertEquals(5, elect.epoch(), "larger than any epoch that a log has");
  }

  private Elections leading() {
    Elections elections = new Elections(clock, Duration.ofMillis(LEASE_MS));
    elections.lead(true);
    return elections;
  }

  /** Ticks as a controller does while the time passes. */
  private List<Command.Elect> wait(Elections elections, ControllerState state, long ms) {
    List<Command.Elect> last = List.of();
    for (long passed = 0; passed < ms; ) {
      long step = Math.min(100, ms - passed);
      passed += step;
      clock.advanceMs(step);
      last = elections.tick(state);
    }
    return last;
  }

  private static void heard(
      Elections elections, ControllerState state, long node, String incarnation) {
    elections.heard(state.group(NAME), node, incarnation, 1, 0);
  }

  private static void joined(ControllerState state) {
    for (String identity : List.of("one", "two")) {
      state.apply(new Command.Join(NAME, new BrokerGroup.Node(identity, "boot", "at", "at")));
    }
  }

  private static ControllerState elected() {
    ControllerState state = new ControllerState();
    joined(state);
    state.apply(new Command.Elect(NAME, 0, 1, 1, "a", false));
    java.util.TreeSet<Long> both = new java.util.TreeSet<>(List.of(1L, 2L));
    state.apply(new Command.Change(NAME, 1, 1, both));
    return state;
  }
}
