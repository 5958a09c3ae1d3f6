package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.bus.OperatorRequest.Rate;
import org.junit.jupiter.api.Test;

class RateWindowTest {

  @Test
  void shouldGiveNothingBeforeTwoSamples() {
    RateWindow window = new RateWindow(6, 10_000);
    assertEquals(Rate.NONE, window.rate());
    window.sample(5);
    assertEquals(Rate.NONE, window.rate());
  }

  @Test
  void shouldMeasureOverWhatThereIsAndThenOverTheWholeWindow() {
    RateWindow window = new RateWindow(3, 1_000);
    window.sample(0);
    window.sample(10);
    assertEquals(new Rate(10, 10), window.rate());
    window.sample(10);
    assertEquals(new Rate(10, 5), window.rate());
    window.sample(40);
    assertEquals(new Rate(40, 40 / 3.0), window.rate());
    window.sample(40);
    assertEquals(new Rate(30, 10), window.rate());
    assertEquals(new Rate(0, 0), window.rate(1));
  }
}
