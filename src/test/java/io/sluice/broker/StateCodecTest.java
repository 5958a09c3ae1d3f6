package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.StateChange.Advanced;
import io.sluice.broker.StateChange.ConsumptionMade;
import io.sluice.broker.StateChange.Extended;
import io.sluice.broker.StateChange.GroupDeleted;
import io.sluice.broker.StateChange.GroupPut;
import io.sluice.broker.StateChange.GroupPutAside;
import io.sluice.broker.StateChange.Leased;
import io.sluice.broker.StateChange.LetterJobBecame;
import io.sluice.broker.StateChange.LettersGone;
import io.sluice.broker.StateChange.Positioned;
import io.sluice.broker.StateChange.RequestModeSet;
import io.sluice.broker.StateChange.Returned;
import io.sluice.broker.StateChange.Settled;
import io.sluice.broker.StateChange.Started;
import io.sluice.broker.StateChange.TopicDeleted;
import io.sluice.broker.StateChange.TopicPut;
import io.sluice.broker.StateChange.TransactionChecked;
import io.sluice.broker.StateChange.TransactionsEnded;
import io.sluice.broker.StateChange.TransactionsOver;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.LetterRequest.Job;
import io.sluice.bus.LetterRequest.Kind;
import io.sluice.bus.LetterRequest.State;
import io.sluice.bus.TopicConfig;
import io.sluice.bus.TransactionRequest;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class StateCodecTest {

  @Property(tries = 200)
  void shouldReadWhatItWrote(
      @ForAll @LongRange(min = 0) long offset,
      @ForAll @LongRange(min = 0, max = Integer.MAX_VALUE) long small,
      @ForAll long any,
      @ForAll boolean flag,
      @ForAll String text) {
    int number = (int) small;
    List<StateChange> changes =
        List.of(
            new Started(offset),
            new TopicDeleted(text),
            new GroupPut(new GroupConfig(text, number, List.of(offset, 0L), small)),
            new GroupDeleted(text),
            new GroupPutAside(text),
            new ConsumptionMade(number, text, "topic"),
            new Positioned(number, number, offset),
            new Advanced(number, number, offset),
            new Leased(number, number, offset, number, any, number, offset, flag, !flag),
            new Leased(number, number, offset, number, any, number, offset, flag, !flag, flag),
            new RequestModeSet(text, "topic", flag, number),
            new Settled(number, number, offset, number),
            new Returned(number, number, offset, number, offset, number, flag),
            new Extended(number, number, offset, any),
            new TransactionsEnded(offset, number, TransactionRequest.State.EXPIRED),
            new TransactionChecked(offset, number, any),
            new TransactionsOver(offset),
            new LettersGone(text, offset, small),
            new LetterJobBecame(
                text,
                new Job(
                    offset,
                    Kind.PURGE,
                    new Filter(Filter.Kind.SQL, text),
                    small,
                    1,
                    State.CANCELLED,
                    2,
                    3,
                    offset,
                    offset,
                    4,
                    5,
                    6,
                    flag ? "why" : null)));
    assertEquals(changes, read(write(changes)));
  }

  @Test
  void shouldReadTopicsWithAllTheyHave() {
    TopicConfig config =
        new TopicConfig("t", 3, 6, true, -1, Map.of("a", "1", "b", "with ünïcödé"));
    ByteWriter out = write(List.of(new TopicPut(config, 5, new long[] {1, 2, 3, 4, 5})));
    TopicPut put = (TopicPut) read(out).get(0);
    assertEquals(config, put.config());
    assertEquals(5, put.queuesEver());
    assertEquals(5, put.nextOffsets()[4]);
  }

  @Test
  void shouldTakeFewBytesForARangeHoweverLong() {
    ByteWriter settled = write(List.of(new Settled(3, 7, 1_000_000, 512)));
    ByteWriter leased =
        write(
            List.of(
                new Leased(3, 7, 1_000_000, 512, 1L << 41, 1, 1_800_000_000_000L, false, true)));
    assertTrue(settled.size() <= 10, "found " + settled.size());
    assertTrue(leased.size() <= 28, "found " + leased.size());
  }

  @Test
  void shouldRefuseANewerVersionAndBrokenBytes() {
    ByteWriter out = write(List.of(new GroupDeleted("group"), new Started(1)));
    for (int end = 2; end < out.size(); end++) {
      int cut = end;
      boolean whole = end == 1 + 7;
      if (!whole) {
        assertThrows(IllegalArgumentException.class, () -> read(out, cut), "cut at " + cut);
      }
    }
    out.bytes()[1] = 99;
    assertThrows(IllegalArgumentException.class, () -> read(out));
    out.bytes()[0] = StateCodec.VERSION + 1;
    IllegalArgumentException newer = assertThrows(IllegalArgumentException.class, () -> read(out));
    assertTrue(newer.getMessage().contains("version"), newer.getMessage());
  }

  private static ByteWriter write(List<StateChange> changes) {
    ByteWriter out = new ByteWriter(1);
    StateCodec.writeVersion(out);
    changes.forEach(change -> StateCodec.write(out, change));
    return out;
  }

  private static List<StateChange> read(ByteWriter out) {
    return read(out, out.size());
  }

  private static List<StateChange> read(ByteWriter out, int end) {
    List<StateChange> found = new ArrayList<>();
    StateCodec.read(ByteBuffer.wrap(out.bytes()), 0, end, found::add);
    return found;
  }
}
