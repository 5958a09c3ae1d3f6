package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.sluice.broker.StateChange.TransactionChecked;
import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.broker.StateChange.TransactionsOver;
import io.sluice.bus.TransactionRequest.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How transactions ended, in two bits each. */
class TransactionStateTest {

  private static final long BLOCK = 1 << 16;
  private static final State[] ENDS = {State.COMMITTED, State.ROLLED_BACK, State.EXPIRED};

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void shouldKnowEachEndAlsoAfterASnapshot(long seed) {
    Random random = new Random(seed);
    TransactionState state = new TransactionState();
    Map<Long, State> model = new TreeMap<>();
    long end = 3 * BLOCK + 1_000;
    for (int i = 0; i < 5_000; i++) {
      long offset = (long) (random.nextDouble() * end);
      State outcome = ENDS[random.nextInt(ENDS.length)];
      state.ended(offset, outcome);
      model.putIfAbsent(offset, outcome);
    }
    state.apply(new TransactionChecked(end + 5, 3, 1_000));
    TransactionState copy = copyOf(state);
    assertEquals(new TransactionChecked(end + 5, 3, 1_000), copy.takeChecks(end + 5));
    for (long offset = 0; offset < end; offset++) {
      State expected = model.getOrDefault(offset, State.OPEN);
      assertEquals(expected, state.outcome(offset), "seed " + seed + ", offset " + offset);
      assertEquals(expected, copy.outcome(offset), "seed " + seed + ", offset " + offset);
    }
    assertEquals(state.lastOffset(), copy.lastOffset());
    for (int i = 0; i < 200; i++) {
      long from = (long) (random.nextDouble() * end);
      long next = from;
      while (model.containsKey(next)) {
        next++;
      }
      assertEquals(next, state.nextOpen(from, end));
    }
  }

  @Test
  void shouldForgetWhatEndedLongAgoAndNeverWhatFollowsAnOpenOne() {
    TransactionState state = new TransactionState();
    long blocks = TransactionState.MAX_BLOCKS + 10;
    for (long block = 0; block < blocks; block++) {
      state.apply(new TransactionsEnded(block * BLOCK, (int) BLOCK, State.COMMITTED));
    }
    long end = blocks * BLOCK;
    state.moveOn(end);
    assertEquals(end, state.firstOpen());
    assertNull(state.outcome(0));
    assertEquals(State.COMMITTED, state.outcome(end - TransactionState.MAX_BLOCKS * BLOCK));
    assertEquals(State.OPEN, state.outcome(end));

    TransactionState held = new TransactionState();
    held.apply(new TransactionsEnded(1, (int) BLOCK - 1, State.ROLLED_BACK));
    for (long block = 1; block < blocks; block++) {
      held.apply(new TransactionsEnded(block * BLOCK, (int) BLOCK, State.COMMITTED));
    }
    held.moveOn(end);
    assertEquals(0, held.firstOpen());
    assertEquals(State.ROLLED_BACK, held.outcome(1));
    assertEquals(end, held.nextOpen(1, end));
  }

  @Test
  void shouldTakeAnEndForGoodAndForgetTheChecksWithIt() {
    TransactionState state = new TransactionState();
    state.apply(new TransactionChecked(7, 2, 1_000));
    state.apply(new TransactionChecked(8, 1, 1_000));
    state.ended(7, State.COMMITTED);
    state.ended(7, State.ROLLED_BACK);
    state.apply(new TransactionChecked(7, 3, 2_000));
    assertEquals(State.COMMITTED, state.outcome(7));
    assertNull(state.takeChecks(7));
    assertEquals(new TransactionChecked(8, 1, 1_000), state.takeChecks(8));
    assertNull(state.takeChecks(8));
    state.apply(new TransactionsOver(100));
    assertNull(state.outcome(50));
    assertEquals(State.COMMITTED, state.outcome(7));
    assertEquals(100, state.nextOpen(0, 200));
  }

  private static TransactionState copyOf(TransactionState state) {
    TransactionState copy = new TransactionState();
    List<BrokerState.Part> parts = new ArrayList<>();
    state.addParts(parts);
    for (BrokerState.Part part : parts) {
      part.write(
          change -> {
            if (change instanceof TransactionsEnded ended) {
              copy.apply(ended);
            } else if (change instanceof TransactionChecked checked) {
              copy.apply(checked);
            } else {
              copy.apply((TransactionsOver) change);
            }
          });
    }
    return copy;
  }
}
