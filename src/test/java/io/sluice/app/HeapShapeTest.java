package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.VMOption;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HeapShapeTest {

  private final HotSpotDiagnosticMXBean vm =
      ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
  private String least;
  private String most;

  @BeforeEach
  void remember() {
    assumeTrue(
        vm != null && vm.getVMOption("MaxHeapFreeRatio").getOrigin() == VMOption.Origin.DEFAULT);
    least = vm.getVMOption("MinHeapFreeRatio").getValue();
    most = vm.getVMOption("MaxHeapFreeRatio").getValue();
  }

  @AfterEach
  void restore() {
    if (most != null) {
      vm.setVMOption("MaxHeapFreeRatio", most);
      vm.setVMOption("MinHeapFreeRatio", least);
    }
  }

  @Test
  void shouldSetWhatNobodyHasSetAndLeaveAloneWhatSomebodyHas() {
    assertTrue(HeapShape.follow());
    assertEquals("30", vm.getVMOption("MaxHeapFreeRatio").getValue());

    // Now it is set, by the management interface, as an operator would.
    vm.setVMOption("MaxHeapFreeRatio", "50");
    assertFalse(HeapShape.follow());
    assertEquals("50", vm.getVMOption("MaxHeapFreeRatio").getValue());
  }
}
