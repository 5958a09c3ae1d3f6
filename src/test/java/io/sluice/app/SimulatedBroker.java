package io.sluice.app;

import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusMessage;
import io.sluice.metrics.LatencyRecorder;
import io.sluice.metrics.Metrics;
import io.sluice.replication.Master;
import io.sluice.store.Replication;
import io.sluice.testkit.MemoryFiles;
import io.sluice.testkit.SimulatedNetwork;
import io.sluice.testkit.SimulatedProcess;
import io.sluice.testkit.Simulator;
import io.vertx.core.Future;
import io.vertx.core.eventbus.Message;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * One host of a simulation: its disk, which outlives its processes, and the process that runs now,
 * with a real Broker in it.
 */
final class SimulatedBroker {

  static final String BROKER = "b";
  static final int PORT = 7000;
  static final int SEGMENT_BYTES = 64 << 10;

  private static final Pattern IN_SYNC = Pattern.compile("slave (\\d+) \\([^)]*\\) in sync");

  private final Simulator simulator;
  private final SimulatedNetwork network;
  private final Path directory;
  private final long quotaBytes;
  private final int minInSync;
  private final Consumer<SimulatedBroker> exited;
  final int index;
  final String host;
  MemoryFiles disk = new MemoryFiles();
  SimulatedProcess process;
  private BrokerUnit unit;
  private boolean diskFailed;

  /** Where what its processes publish goes. */
  BiConsumer<String, Object> onPublish = (address, body) -> {};

  /** Who elects; none where the operator promotes. */
  List<String> controllers = List.of();

  SimulatedBroker(
      Simulator simulator,
      SimulatedNetwork network,
      int index,
      int minInSync,
      long quotaBytes,
      Consumer<SimulatedBroker> exited) {
    this.exited = exited;
    this.simulator = simulator;
    this.network = network;
    this.index = index;
    this.minInSync = minInSync;
    this.quotaBytes = quotaBytes;
    host = "host" + index;
    directory = Path.of("/simulated", host);
  }

  /** Number of this host's Broker where it is a slave. */
  long brokerId() {
    return index + 1;
  }

  boolean isAlive() {
    return process != null && !process.life().hasEnded();
  }

  /** Whether it runs and stands not still. */
  boolean isAwake() {
    return isAlive() && !process.life().isPaused();
  }

  /**
   * Starts a process.
   *
   * @param master whom to follow, or null
   */
  void start(SimulatedBroker master) {
    process = new SimulatedProcess(simulator, network, host);
    SimulatedProcess mine = process;
    mine.onPublish(onPublish);
    String from = master == null ? "" : master.host + ":" + PORT;
    SluiceOptions options =
        new SluiceOptions()
            .setDataDirectory(directory)
            .setHost(host)
            .setBrokerName(BROKER)
            .setDefaultQueues(2)
            .setDefaultAck(AckLevel.REPLICATED)
            .setReplication(
                new ReplicationConfig(
                    master == null ? 0 : brokerId(),
                    PORT,
                    from,
                    "",
                    minInSync,
                    Duration.ofSeconds(2),
                    Duration.ofMillis(1_500)));
    if (!controllers.isEmpty()) {
      options.setControllers(
          new ControllerConfig(controllers, false, host, 9878, Duration.ofSeconds(2)));
    }
    options
        .store()
        .segmentBytes(SEGMENT_BYTES)
        .queueFileBytes(SEGMENT_BYTES)
        .indexFileEntries(1 << 10)
        .minFreeBytes(0)
        .quotaBytes(quotaBytes)
        .retentionInterval(Duration.ofMillis(500));
    BrokerUnit made =
        new BrokerUnit(
            process.vertx(),
            options,
            simulator,
            LatencyRecorder.NONE,
            Metrics.NONE,
            options.brokerOptions(host + ":10911", new byte[8]),
            disk,
            process.threads(),
            null);
    unit = made;
    process.run(() -> made.start().onFailure(failure -> failed(mine, failure)));
  }

  private void failed(SimulatedProcess mine, Throwable failure) {
    if (disk.usableBytes(directory) > SEGMENT_BYTES * 8L && !diskFailed) {
      throw new AssertionError(host + " did not start", failure);
    }
    // No room, or a disk that failed: its process ends, as that of a server does.
    if (process == mine && isAlive()) {
      die(false);
      exited.accept(this);
    }
  }

  /** Ends the process; the disk stays as far as it was written, or forced. */
  void die(boolean powerCut) {
    process.die(powerCut);
    diskFailed = false;
    disk = powerCut ? disk.afterPowerCut(simulator.random) : disk.afterProcessDeath();
  }

  /**
   * Lets the disk fail from now on, until its process ends.
   *
   * @param operation as {@link MemoryFiles.Fault} names it
   * @param once whether it works again after the first failure
   * @param onFirst called when it has failed for the first time
   */
  void breakDisk(String operation, boolean once, Runnable onFirst) {
    disk.onOperation(
        (tried, file) -> {
          if (!tried.equals(operation) || once && diskFailed) {
            return;
          }
          if (!diskFailed) {
            diskFailed = true;
            onFirst.run();
          }
          String what = "the disk of " + host + " fails to " + operation + " " + file;
          throw isOfLog(file) ? new MemoryFiles.LostPagesException(what) : new IOException(what);
        });
  }

  /** The log's bytes are written once; those of queues and index again after each start. */
  private boolean isOfLog(Path file) {
    return file.getParent().equals(directory.resolve("commitlog"));
  }

  /** Whether its disk has failed while this process ran. */
  boolean hasDiskFailed() {
    return diskFailed;
  }

  /** Whether a record of its log would be there after a loss of power, or has expired. */
  boolean isDurable(long physicalOffset) {
    long start = physicalOffset - physicalOffset % SEGMENT_BYTES;
    int position = (int) (physicalOffset - start);
    ByteBuffer bytes = segment(start);
    return bytes == null || disk.isDurable(pathOf(start), position, bytes.getInt(position));
  }

  /** Makes it the master; completes when it says that it is. */
  Future<Message<Object>> promote(boolean force) {
    return askAdmin(new AdminRequest.Promote(force));
  }

  /** Ends the process in peace. */
  Future<Void> stop() {
    return unit.stop();
  }

  /** Asks its Broker; from within its process. */
  Future<Message<Object>> ask(String address, BusMessage request) {
    return process.request(address, request);
  }

  Future<Message<Object>> askAdmin(BusMessage request) {
    return ask(Addresses.admin(BROKER), request);
  }

  /** How it stands as a master; null if it is none, or not started. */
  Replication.Status masterStatus() {
    return isAlive() && unit.replication() instanceof Master master ? master.status() : null;
  }

  /** The epoch it is in, while its Broker answers. */
  long epoch() {
    return isAlive() ? unit.replication().status().epoch() : -1;
  }

  /** The slaves that it counts on, by their broker ids. */
  static Set<Long> inSync(Replication.Status status) {
    Set<Long> ids = new TreeSet<>();
    Matcher matcher = IN_SYNC.matcher(status.detail());
    while (matcher.find()) {
      ids.add(Long.parseLong(matcher.group(1)));
    }
    return ids;
  }

  /** First byte of its log. */
  long logBegin() {
    return segments()
        .map(path -> Long.parseLong(path.getFileName().toString()))
        .min(Long::compare)
        .orElse(0L);
  }

  private Stream<Path> segments() {
    return disk.list(directory.resolve("commitlog")).stream()
        .filter(path -> path.getFileName().toString().matches("[0-9]{20}"));
  }

  /** Bytes of its log in one segment, or null. */
  ByteBuffer segment(long start) {
    Path path = pathOf(start);
    return disk.exists(path) ? disk.bytes(path) : null;
  }

  private Path pathOf(long start) {
    return directory.resolve("commitlog").resolve(String.format("%020d", start));
  }
}
