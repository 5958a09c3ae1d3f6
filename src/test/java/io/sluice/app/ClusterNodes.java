package io.sluice.app;

import io.sluice.app.load.ServerProcess;
import io.sluice.testkit.Servers;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Processes of one cluster on this machine, each with a loopback address of its own. */
final class ClusterNodes implements AutoCloseable {

  private static final int MEMBERSHIP_PORT = 7800;

  /** What a test needs is little; the machine that runs it may have little too. */
  private static final List<String> JVM =
      List.of("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  private final Path directory;
  private final List<String> extra;
  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".7.";
  private final Map<String, ServerProcess> running = new ConcurrentHashMap<>();
  private final List<String> names;

  /**
   * Nothing runs yet.
   *
   * @param names of all processes there will be; the number in the list is that of the address
   * @param extra flags that all of them get
   */
  ClusterNodes(Path directory, List<String> names, String... extra) {
    this.directory = directory;
    this.names = names;
    this.extra = new ArrayList<>(List.of(extra));
  }

  /** Flags that all get that are started from now on; for those that name the others' addresses. */
  void addFlags(String... flags) {
    extra.addAll(List.of(flags));
  }

  /**
   * Starts a process: its role is the beginning of its name, which is its Broker's name too.
   *
   * @param own flags that it alone gets
   */
  ServerProcess start(String name, String... own) throws IOException {
    String role = name.substring(0, name.indexOf('-'));
    List<String> arguments = new ArrayList<>(List.of(role, "--json", "--cluster"));
    arguments.addAll(List.of("--host", address(name), "--cluster-hosts", hosts()));
    arguments.addAll(List.of("--data", directory.resolve(name).toString()));
    arguments.addAll(extra);
    arguments.addAll(List.of(own));
    if (!arguments.contains("--broker-name")) {
      arguments.addAll(List.of("--broker-name", name));
    }
    ServerProcess process =
        Servers.run(ServerProcess.command(JVM, arguments), directory.resolve(name + ".log"));
    running.put(name, process);
    return process;
  }

  /** Starts several at the same time. */
  void startAll(String... all) {
    List<CompletableFuture<Void>> starts = new ArrayList<>();
    for (String name : all) {
      starts.add(
          CompletableFuture.runAsync(
              () -> {
                try {
                  start(name);
                } catch (IOException e) {
                  throw new IllegalStateException(name + ": " + e.getMessage(), e);
                }
              }));
    }
    CompletableFuture.allOf(starts.toArray(CompletableFuture[]::new)).join();
  }

  /** As {@code kill -9}. */
  void kill(String name) throws InterruptedException {
    running.remove(name).kill();
  }

  /** The process, to be sent signals. */
  ServerProcess process(String name) {
    return running.get(name);
  }

  /** Where all of them look for each other. */
  String hosts() {
    return IntStream.range(0, names.size())
        .mapToObj(index -> address(names.get(index)) + ":" + MEMBERSHIP_PORT)
        .collect(Collectors.joining(","));
  }

  String address(String name) {
    return subnet + (names.indexOf(name) + 1);
  }

  /** Its HTTP front. */
  URI http(String name) {
    return URI.create("http://" + address(name) + ":" + 8080);
  }

  @Override
  public void close() {
    running.values().forEach(ServerProcess::close);
  }
}
