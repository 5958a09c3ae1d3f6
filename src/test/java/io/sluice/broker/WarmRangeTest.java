package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class WarmRangeTest {

  @Test
  void shouldEndWhereTheWorkerStopped() {
    WarmRange range = WarmRange.of(100, 8);
    assertFalse(range.has(99));
    assertTrue(range.has(100));
    assertTrue(range.has(107));
    assertFalse(range.has(108));
    assertEquals(8, range.upTo(100, 50));
    assertEquals(1, range.upTo(107, 50));
    assertEquals(3, range.upTo(100, 3));
  }

  @Test
  void shouldLetWhoAskedGetOnWhereNothingCouldBeBroughtIn() {
    WarmRange range = WarmRange.of(100, 0);
    assertTrue(range.has(100));
    assertEquals(1, range.upTo(100, 50));
    assertFalse(range.has(101));
  }

  @Test
  void shouldHaveNothingWhereNothingWasAskedFor() {
    assertFalse(WarmRange.NONE.has(0));
  }
}
