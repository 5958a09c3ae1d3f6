package io.sluice.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Several hosts on this machine: network namespaces that hang on one bridge, at which the test
 * itself is too, and a small disk in memory for each. Needs root and Linux with iproute2.
 *
 * <p>A direction is cut by giving the sender a wrong Ethernet address for the receiver: what it
 * sends is lost without a word, as in a switch that broke, while the other direction works.
 */
public final class Hosts implements AutoCloseable {

  /** The test's own place. */
  public static final int TEST = 0;

  private static final String NOWHERE = "02:00:00:00:00:01";

  private final String name = "sl" + Integer.toHexString(ThreadLocalRandom.current().nextInt(4096));
  private final String subnet;
  private final int count;
  private final Path directory;
  private final List<Path> mounts = new ArrayList<>();

  /**
   * Makes hosts, numbered from 1.
   *
   * @param directory of their disks
   * @param diskMegabytes what the disk of each takes
   */
  public Hosts(int count, Path directory, int diskMegabytes) throws IOException {
    this.count = count;
    this.directory = directory;
    ThreadLocalRandom random = ThreadLocalRandom.current();
    subnet = "10." + random.nextInt(100, 250) + "." + random.nextInt(250) + ".";
    try {
      make(diskMegabytes);
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Why no hosts can be made here, or null if they can: one is made, with all that it may need.
   *
   * @param directory an empty one, for a moment
   */
  public static String whyNot(Path directory) {
    try (Hosts probe = new Hosts(1, directory, 1)) {
      probe.cut(1, TEST);
      probe.narrow(1, 1_000);
      return null;
    } catch (IOException e) {
      return "hosts can not be made here: " + e.getMessage();
    }
  }

  /**
   * Why what a host sends can not be held up for a time, or null if it can: not each kernel has
   * what does so.
   */
  public String whyNoDelay() {
    try {
      delay(1, 1);
      return null;
    } catch (IOException e) {
      return "no delay by the kernel: " + e.getMessage();
    } finally {
      undoRate(1);
    }
  }

  private void make(int diskMegabytes) throws IOException {
    run("ip", "link", "add", name, "type", "bridge");
    run("ip", "addr", "add", address(TEST) + "/24", "dev", name);
    run("ip", "link", "set", name, "up");
    for (int host = 1; host <= count; host++) {
      run("ip", "netns", "add", space(host));
      String outer = name + "o" + host;
      run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space(host));
      run("ip", "link", "set", outer, "master", name, "up");
      in(host, "ip", "addr", "add", address(host) + "/24", "dev", "eth0");
      in(host, "ip", "link", "set", "eth0", "up");
      in(host, "ip", "link", "set", "lo", "up");
      Path disk = Files.createDirectories(disk(host));
      String size = "size=" + diskMegabytes + "m";
      run("mount", "-t", "tmpfs", "-o", size, "tmpfs", disk.toString());
      mounts.add(disk);
    }
  }

  /** An address; of the test itself for {@link #TEST}. */
  public String address(int host) {
    return subnet + (host + 1);
  }

  /** Where a host's disk is. */
  public Path disk(int host) {
    return directory.resolve("disk" + host);
  }

  /** What runs a command on a host. */
  public List<String> on(int host, List<String> command) {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", space(host)));
    all.addAll(command);
    return all;
  }

  private String space(int host) {
    return name + "n" + host;
  }

  private void in(int host, String... command) throws IOException {
    run(on(host, List.of(command)).toArray(String[]::new));
  }

  /** Nothing gets from one host to the other any more, in this direction. */
  public void cut(int from, int to) throws IOException {
    String device = from == TEST ? name : "eth0";
    String[] command = {
      "ip", "neigh", "replace", address(to), "lladdr", NOWHERE, "dev", device, "nud", "permanent"
    };
    if (from == TEST) {
      run(command);
    } else {
      in(from, command);
    }
  }

  /** Cuts a host off from all others, in both directions. */
  public void cutOff(int host) throws IOException {
    for (int other : others(host)) {
      cut(host, other);
      cut(other, host);
    }
  }

  private int[] others(int host) {
    return IntStream.rangeClosed(1, count).filter(other -> other != host).toArray();
  }

  /** What a host sends goes at this rate only, and so comes late. */
  public void narrow(int host, int kilobits) throws IOException {
    String rate = kilobits + "kbit";
    in(
        host, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "16k",
        "latency", "800ms");
  }

  /** What a host sends comes so much later. */
  public void delay(int host, int delayMs) throws IOException {
    in(host, "tc", "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", delayMs + "ms");
  }

  /**
   * Of what a host sends a part is lost, as there is no room for it to wait: what comes in one go
   * loses its end.
   */
  public void lose(int host, int kilobits) throws IOException {
    String rate = kilobits + "kbit";
    in(
        host, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "4k",
        "limit", "4k");
  }

  private void undoRate(int host) {
    tryRun(on(host, List.of("tc", "qdisc", "del", "dev", "eth0", "root")).toArray(String[]::new));
  }

  /** All directions are free, and as fast as they were. */
  public void heal() throws IOException {
    for (int from = 0; from <= count; from++) {
      for (int to = 0; to <= count; to++) {
        String device = from == TEST ? name : "eth0";
        List<String> command = List.of("ip", "neigh", "del", address(to), "dev", device);
        if (from != to) {
          List<String> there = from == TEST ? command : on(from, command);
          tryRun(there.toArray(String[]::new));
        }
      }
      if (from != TEST) {
        undoRate(from);
      }
    }
  }

  /** Fills a host's disk to the last byte. */
  public void fill(int host) throws IOException {
    byte[] zeros = new byte[64 << 10];
    try (var out = Files.newOutputStream(disk(host).resolve("filler"))) {
      while (true) {
        out.write(zeros);
      }
    } catch (IOException e) {
      if (!String.valueOf(e.getMessage()).contains("No space left")) {
        throw e;
      }
    }
  }

  /** Takes away what {@link #fill} put there. */
  public void empty(int host) throws IOException {
    Files.deleteIfExists(disk(host).resolve("filler"));
  }

  private static void run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException(String.join(" ", command) + ": " + said.trim());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static void tryRun(String... command) {
    try {
      run(command);
    } catch (IOException e) {
      // It was not there.
    }
  }

  /** Takes everything away again; what runs on the hosts has to be ended before. */
  @Override
  public void close() {
    for (Path mount : mounts) {
      tryRun("umount", "-l", mount.toString());
    }
    for (int host = 1; host <= count; host++) {
      tryRun("ip", "netns", "del", space(host));
      tryRun("ip", "link", "del", name + "o" + host);
    }
    tryRun("ip", "link", "del", name);
  }
}
