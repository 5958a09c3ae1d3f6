package io.sluice.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.controller.Command.Change;
import io.sluice.controller.Command.Elect;
import io.sluice.controller.Command.Join;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What the controllers agree on, command by command. */
final class ControllerStateTest {

  private static final String NAME = "broker-a";

  private final ControllerState state = new ControllerState();

  @Test
  void shouldNumberNodesInTheOrderTheyCameAndKnowThemAgain() {
    join("one", "boot");
    join("two", "boot");
    join("one", "boot");
    assertEquals(Set.of(1L, 2L), group().nodes().keySet());
    assertEquals(2, group().numberOf("two"));
  }

  @Test
  void shouldElectOnlyWhoIsInSync() {
    three();
    assertTrue(elect(0, 1, 1, false));
    assertFalse(elect(1, 2, 2, false), "node 2 is not in sync");
    assertTrue(change(1, 1, 2));
    assertTrue(elect(1, 2, 2, false));
    assertEquals(2, group().master());
    assertEquals(Set.of(2L), group().inSync(), "the old master is left out");
  }

  @Test
  void shouldElectAnyoneByHandAndAloneInSyncThen() {
    three();
    elect(0, 1, 1, false);
    change(1, 1, 2);
    assertTrue(elect(1, 2, 3, true));
    assertEquals(Set.of(3L), group().inSync());
  }

  @Test
  void shouldKeepTheOtherSlavesInSyncOverAnElection() {
    three();
    elect(0, 1, 1, false);
    change(1, 1, 2, 3);
    assertTrue(elect(1, 2, 3, false));
    assertEquals(Set.of(2L, 3L), group().inSync());
  }

  @Test
  void shouldIgnoreWhatWasDecidedOnAnotherState() {
    three();
    assertTrue(elect(0, 5, 1, false));
    assertFalse(elect(0, 6, 2, true), "after an epoch that is over");
    assertFalse(elect(5, 5, 1, false), "the epoch does not rise");
    long version = group().version();
    assertTrue(state.apply(new Change(NAME, 5, version, set(1, 2))));
    assertFalse(state.apply(new Change(NAME, 5, version, set(1, 3))), "the set changed meanwhile");
    assertFalse(state.apply(new Change(NAME, 4, group().version(), set(1))), "an old epoch");
    assertFalse(state.apply(new Change(NAME, 5, group().version(), set(2))), "without the master");
    assertFalse(state.apply(new Change(NAME, 5, group().version(), set(1, 9))), "nobody is 9");
    assertEquals(Set.of(1L, 2L), group().inSync());
  }

  @Test
  void shouldDropASlaveWhoseMachineWasStartedAnew() {
    three();
    elect(0, 1, 1, false);
    change(1, 1, 2, 3);
    join("two", "another boot");
    assertEquals(Set.of(1L, 3L), group().inSync());
    join("one", "another boot");
    assertEquals(Set.of(1L, 3L), group().inSync(), "a master has forced what it acked");
    join("three", "boot");
    assertEquals(Set.of(1L, 3L), group().inSync(), "a process alone loses nothing");
  }

  @Test
  void shouldBeTheSameFromASnapshotAndFromTheLog() {
    three();
    elect(0, 7, 2, false);
    change(7, 2, 3);
    ControllerState other = new ControllerState();
    other.decode(state.encode());
    assertEquals(state.groups(), other.groups());
    for (Command command :
        List.of(
            new Command.Barrier(),
            new Join(NAME, node("four", "b")),
            new Elect(NAME, 7, 8, 3, "i", false),
            new Change(NAME, 8, 3, set(3)))) {
      assertEquals(command, Command.decode(command.encode()));
      assertEquals(state.apply(command), other.apply(Command.decode(command.encode())));
    }
    assertEquals(state.groups(), other.groups());
  }

  private void three() {
    join("one", "boot");
    join("two", "boot");
    join("three", "boot");
  }

  private void join(String identity, String boot) {
    assertTrue(state.apply(new Join(NAME, node(identity, boot))));
  }

  private static BrokerGroup.Node node(String identity, String boot) {
    return new BrokerGroup.Node(identity, boot, identity + ":10912", identity + ":10911");
  }

  private boolean elect(long after, long epoch, long node, boolean unclean) {
    return state.apply(new Elect(NAME, after, epoch, node, "process-" + node, unclean));
  }

  private boolean change(long epoch, long... inSync) {
    return state.apply(new Change(NAME, epoch, group().version(), set(inSync)));
  }

  private static TreeSet<Long> set(long... ids) {
    TreeSet<Long> set = new TreeSet<>();
    for (long id : ids) {
      set.add(id);
    }
    return set;
  }

  private BrokerGroup group() {
    return state.group(NAME);
  }
}
