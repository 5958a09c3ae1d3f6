package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.ClientHistory.Place;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class AckedEpochsTest {

  private static final Place FIRST = new Place(0, 0);
  private static final Place SECOND = new Place(0, 1);
  private static final List<StoredLog.Epoch> HISTORY =
      List.of(new StoredLog.Epoch(1, 0), new StoredLog.Epoch(2, 500));
  private static final Map<Place, Long> PLACES = Map.of(FIRST, 100L, SECOND, 600L);

  private final AckedEpochs acked = new AckedEpochs();

  private void bothBegin() {
    acked.logged(1, List.of("a line", begin(1, 0, 1_000)));
    acked.logged(2, List.of(begin(2, 500, 2_000), "java.io.IOException: trouble"));
  }

  private static String begin(long epoch, long start, long atMs) {
    return Instant.ofEpochMilli(atMs)
        + " INFO  io.sluice.replication.Master: master of broker-a in epoch "
        + epoch
        + " from physical offset "
        + start
        + " on; slaves come to port 10912";
  }

  @Test
  void shouldTakeAcksOfOneMasterAfterTheOther() {
    bothBegin();
    acked.acked(1, FIRST, 1_100, 1_200);
    acked.acked(2, SECOND, 1_500, 2_100);
    // The answer to a repeat: stored in the epoch before.
    acked.acked(2, FIRST, 2_200, 2_300);
    acked.said(SECOND, 600);
    acked.check(HISTORY, 0, PLACES);
  }

  @Test
  void shouldRefuseTwoBeginsOfOneEpoch() {
    bothBegin();
    AssertionError twice =
        assertThrows(AssertionError.class, () -> acked.logged(3, List.of(begin(2, 500, 3_000))));
    assertTrue(twice.getMessage().startsWith("one epoch was begun twice"), twice::getMessage);
  }

  @Test
  void shouldRefuseAnAckForWhatWasAskedAfterTheNextEpochBegan() {
    bothBegin();
    acked.acked(1, FIRST, 2_100, 2_200);
    assertBroken("after the begin of");
  }

  @Test
  void shouldRefuseAnAckOfAnEarlierEpochThanTheMessageIsOf() {
    bothBegin();
    acked.acked(1, SECOND, 1_900, 1_950);
    assertBroken("is of Epoch[number=2");
  }

  @Test
  void shouldRefuseAnAckOfWhoWasNoMaster() {
    bothBegin();
    acked.acked(3, FIRST, 1_100, 1_200);
    assertBroken("is of null");
  }

  @Test
  void shouldRefuseALogThatNobodyBegan() {
    acked.logged(1, List.of(begin(1, 0, 1_000), begin(2, 400, 1_100)));
    assertBroken("nobody began");
  }

  @Test
  void shouldRefuseAnotherPlaceInTheLogThanWasSaid() {
    bothBegin();
    acked.said(SECOND, 650);
    assertBroken("was said to be at 650");
  }

  @Test
  void shouldAskForNothingThatStoodBeforeTheLogBegins() {
    bothBegin();
    acked.said(new Place(0, 70), 99);
    acked.check(HISTORY, 100, PLACES);
    assertThrows(AssertionError.class, () -> acked.check(HISTORY, 99, PLACES));
  }

  @Test
  void shouldTakeAcksOfWhatStoodBeforeTheLogBegins() {
    bothBegin();
    acked.acked(1, FIRST, 1_100, 1_200);
    acked.check(HISTORY, 300, Map.of(SECOND, 600L));
    assertThrows(AssertionError.class, () -> acked.check(HISTORY, 0, Map.of(SECOND, 600L)));
  }

  private void assertBroken(String how) {
    AssertionError broken =
        assertThrows(AssertionError.class, () -> acked.check(HISTORY, 0, PLACES));
    assertTrue(broken.getMessage().contains(how), broken::getMessage);
  }
}
