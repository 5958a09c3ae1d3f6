package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.app.GroupPositions.Queue;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class GroupPositionsTest {

  private static final Queue FIRST = new Queue("g", 0);
  private static final Queue SECOND = new Queue("g", 1);

  private final GroupPositions positions = new GroupPositions();

  @Test
  void shouldLetPositionsGoOnFromMasterToMaster() {
    positions.keep(1, Map.of(FIRST, 10L));
    positions.told(1, Map.of(FIRST, 10L, SECOND, 3L));
    positions.told(2, Map.of(FIRST, 12L));
    positions.keep(2, Map.of(FIRST, 12L, SECOND, 4L));
    // Of one that was replaced.
    positions.told(1, Map.of(FIRST, 10L));
    positions.keep(1, Map.of(FIRST, 10L));
    assertEquals(16, positions.sum("g"));
  }

  @Test
  void shouldRefuseAPositionThatGoesBack() {
    positions.keep(1, Map.of(FIRST, 10L));
    assertThrows(AssertionError.class, () -> positions.told(1, Map.of(FIRST, 9L)));
    assertThrows(AssertionError.class, () -> positions.told(2, Map.of(FIRST, 9L)));
  }

  @Test
  void shouldRefuseAPositionThatIsGone() {
    positions.keep(1, Map.of(FIRST, 10L));
    assertThrows(AssertionError.class, () -> positions.told(2, Map.of(SECOND, 10L)));
  }
}
