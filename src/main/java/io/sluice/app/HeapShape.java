package io.sluice.app;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.VMOption;
import java.lang.System.Logger.Level;
import java.lang.management.ManagementFactory;

/**
 * Lets the heap follow what is in use, where the JVM was started without a word about it. By
 * default a JVM on a large machine takes hundreds of megabytes because they are there: a young
 * generation that fits into no cache, which costs a tenth of the throughput, and memory that does
 * not come back. A jar can not carry flags, and a second process would be one more to be killed; so
 * the server sets those that may be set while it runs. {@code scripts/run} starts with all of them.
 *
 * <p>Any thread; see docs/decisions/0029.
 */
final class HeapShape {

  private static final System.Logger LOG = System.getLogger(HeapShape.class.getName());

  /** Says whether somebody has decided already. */
  private static final String MOST_FREE = "MaxHeapFreeRatio";

  /** Name and value; those that this JVM does not know are left out. */
  private static final String[][] FLAGS = {
    // In this order: one must not pass the other.
    {"MinHeapFreeRatio", "10"},
    {MOST_FREE, "30"},
    // G1 gives memory back at the end of a cycle; without load it would never begin one.
    {"G1PeriodicGCInterval", "60000"},
  };

  private HeapShape() {}

  /**
   * Sets the flags, and shrinks the heap once to what is in use: a pause of some 20 ms.
   *
   * @return whether anything was set
   */
  static boolean follow() {
    HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    if (vm == null || !isDefault(vm, MOST_FREE)) {
      return false;
    }
    for (String[] flag : FLAGS) {
      if (isDefault(vm, flag[0])) {
        vm.setVMOption(flag[0], flag[1]);
      }
    }
    System.gc();
    LOG.log(Level.DEBUG, "the heap follows what is in use");
    return true;
  }

  private static boolean isDefault(HotSpotDiagnosticMXBean vm, String name) {
    try {
      VMOption option = vm.getVMOption(name);
      return option.isWriteable() && option.getOrigin() == VMOption.Origin.DEFAULT;
    } catch (IllegalArgumentException e) {
      // Another JVM, which has no such flag.
      return false;
    }
  }
}
