package io.sluice.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ByteRateTest {

  private final ByteRate rate = new ByteRate(10_000);

  @Test
  void shouldTellWhatCameInTheLastWholeStretch() {
    rate.add(1_000, 10_000);
    rate.add(2_000, 10_999);
    assertEquals(0, rate.perSecond(10_999));
    assertEquals(3_000, rate.perSecond(11_000));
    rate.add(500, 11_100);
    assertEquals(3_000, rate.perSecond(11_999));
    assertEquals(250, rate.perSecond(13_000));
  }

  @Test
  void shouldTellThatNothingComesAnyMore() {
    rate.add(1_000, 10_500);
    rate.look(11_000);
    rate.look(12_000);
    assertEquals(0, rate.perSecond(12_000));
  }

  @Test
  void shouldBeginAnewWhenTheClockIsSetBack() {
    rate.add(1_000, 10_500);
    assertEquals(0, rate.perSecond(5_000));
    rate.add(700, 5_500);
    assertEquals(700, rate.perSecond(6_000));
  }
}
