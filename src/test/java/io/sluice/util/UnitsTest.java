package io.sluice.util;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnitsTest {

  @ParameterizedTest
  @CsvSource({
    "30s,30000",
    "5m,300000",
    "1h30m,5400000",
    "250ms,250",
    "PT30S,30000",
    "40d,3456000000",
    "0,0",
    "1m5s,65000"
  })
  void shouldReadDurations(String text, long expectedMs) {
    assertEquals(expectedMs, Durations.parseMs(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "30", "s", "-5s", "5 m", "5x", "PT-5S", "1h30", "99999999999999999d"})
  void shouldRefuseWhatIsNoDuration(String text) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Durations.parseMs(text));
    assertTrue(e.getMessage().contains("'" + text + "'"), e.getMessage());
    assertTrue(e.getMessage().contains("allowed"), e.getMessage());
  }

  @Property
  void shouldReadBackEveryDurationItWrites(@ForAll @LongRange(min = 0) long ms) {
    assertEquals(ms, Durations.parseMs(Durations.format(ms)));
  }

  @ParameterizedTest
  @CsvSource({"4096,4096", "64k,65536", "128MiB,134217728", "1g,1073741824", "2 KB,2048"})
  void shouldReadSizes(String text, long expected) {
    assertEquals(expected, ByteSizes.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "1x", "k", "1.5g", "999999999999999999t"})
  void shouldRefuseWhatIsNoSize(String text) {
    assertThrows(IllegalArgumentException.class, () -> ByteSizes.parse(text));
  }

  @Test
  void shouldWriteSizesForPeople() {
    assertEquals("512 B", ByteSizes.format(512));
    assertEquals("128 MiB", ByteSizes.format(128 << 20));
    assertEquals("1.5 KiB", ByteSizes.format(1536));
  }

  @Test
  void shouldReadTimes() {
    assertEquals(1_700_000_000_000L, Timestamps.parseMs("1700000000000"));
    assertEquals(1_700_000_000_000L, Timestamps.parseMs("2023-11-14T22:13:20Z"));
    assertEquals(1_700_000_000_000L, Timestamps.parseMs("2023-11-15T00:13:20+02:00"));
    assertThrows(IllegalArgumentException.class, () -> Timestamps.parseMs("yesterday"));
  }
}
