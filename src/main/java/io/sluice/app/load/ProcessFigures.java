package io.sluice.app.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What Linux says of a process; -1 where it is not Linux or the process is not known. */
final class ProcessFigures {

  /** USER_HZ, fixed at 100 in Linux's interface to user space (proc(5)). */
  private static final long NS_PER_TICK = 10_000_000L;

  private ProcessFigures() {}

  /** Processor time the process has used, in nanoseconds. */
  static long cpuNs(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      // Field 2 is the name in brackets and may hold blanks; count from behind it.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * NS_PER_TICK;
    } catch (IOException e) {
      return -1;
    }
  }

  /** Memory of its own, in bytes: heap, stacks, buffers, but not the pages of mapped files. */
  static long privateBytes(long pid) {
    return status(pid, "RssAnon:");
  }

  /** All memory that is resident, in bytes, the pages of mapped files as well. */
  static long residentBytes(long pid) {
    return status(pid, "VmRSS:");
  }

  private static long status(long pid, String name) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
        if (line.startsWith(name)) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
    } catch (IOException e) {
      return -1;
    }
    return -1;
  }
}
