package io.sluice.testkit;

import io.sluice.app.load.ServerProcess;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Servers and the three controllers that elect their masters, each a process with a loopback
 * address of its own, at the ports they have by default. Each Broker tells the NameServers of all.
 * The number of a process is the end of its address; those of the controllers are {@link
 * #CONTROLLERS}.
 */
public final class ElectedNodes implements AutoCloseable {

  /** The numbers of the three controllers, unless there are to be others. */
  public static final List<Integer> CONTROLLERS = List.of(100, 101, 102);

  /** What their connections need. */
  public static final String SECRET = "a-secret-of-32-characters-length";

  /** What a test needs is little; the machine that runs it may have little too. */
  private static final List<String> JVM =
      List.of("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  private final Path directory;
  private final Map<Integer, String> names;
  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".9.";
  private final Map<Integer, ServerProcess> running = new ConcurrentHashMap<>();
  private final Map<Integer, TestClient> clients = new ConcurrentHashMap<>();
  private List<Integer> controllers = CONTROLLERS;
  private List<String> controllerRole = List.of("controller");

  /**
   * Nothing runs yet.
   *
   * @param names the name of the Broker of each server
   */
  public ElectedNodes(Path directory, Map<Integer, String> names) {
    this.directory = directory;
    this.names = new TreeMap<>(names);
  }

  /** So many NameServers, from number 100 on, have the controllers in their processes. */
  public void controlledByNameServers(int count) {
    controllers = IntStream.range(100, 100 + count).boxed().toList();
    controllerRole = List.of("nameserver", "--controller-enabled", "true");
  }

  /** The controllers, as everybody is told. */
  public String members() {
    return controllers.stream()
        .map(number -> address(number) + ":9878")
        .collect(Collectors.joining(","));
  }

  /** The NameServers of all servers, as RocketMQ's clients are told. */
  public String nameServers() {
    return names.keySet().stream()
        .map(number -> address(number) + ":9876")
        .collect(Collectors.joining(";"));
  }

  /** Starts all: the controllers first, and those of a kind at the same time. */
  public void startAll() {
    startAll(controllers);
    startAll(servers());
  }

  private void startAll(List<Integer> numbers) {
    List<CompletableFuture<Void>> starts = new ArrayList<>();
    for (int number : numbers) {
      starts.add(
          CompletableFuture.runAsync(
              () -> {
                try {
                  start(number);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              },
              task -> new Thread(task).start()));
    }
    starts.forEach(CompletableFuture::join);
  }

  /** Starts a server or a controller. */
  public void start(int number) throws IOException {
    boolean controls = controllers.contains(number);
    List<String> arguments = new ArrayList<>();
    arguments.addAll(controls ? controllerRole : List.of("standalone"));
    arguments.addAll(List.of("--json", "--host", address(number)));
    arguments.addAll(List.of("--data", directory.resolve("node-" + number).toString()));
    arguments.addAll(List.of("--controller-members", members(), "--cluster-secret", SECRET));
    if (!controls) {
      arguments.addAll(List.of("--broker-name", names.get(number), "--replication-port", "10912"));
      arguments.addAll(List.of("--store-segment", "1m", "--ack", "replicated"));
      arguments.addAll(List.of("--broker-nameservers", nameServers()));
    }
    running.put(
        number,
        Servers.run(
            ServerProcess.command(JVM, arguments), directory.resolve("node-" + number + ".log")));
  }

  /** As {@code kill -9}. */
  public void kill(int number) throws InterruptedException {
    running.remove(number).kill();
  }

  /** As {@code kill -15}; gives the exit code. */
  public int stop(int number) throws IOException, InterruptedException {
    return running.remove(number).stop();
  }

  /** The process, to be sent signals. */
  public ServerProcess process(int number) {
    return running.get(number);
  }

  /** Whether it was started and neither killed nor stopped. */
  public boolean runs(int number) {
    return running.containsKey(number);
  }

  /** Speaks HTTP with a server. */
  public TestClient client(int number) {
    return clients.computeIfAbsent(
        number, own -> new TestClient(URI.create("http://" + address(own) + ":8080")));
  }

  /** What a server says of its Broker. */
  public JsonObject broker(int number) throws IOException, InterruptedException {
    return new JsonObject(client(number).get("/v1/brokers/" + names.get(number)).body());
  }

  /** The master of this name, other than the one that was. */
  public int awaitMaster(String name, int not) {
    return awaitMaster(name, not, -1);
  }

  /** The master of this name, once so many slaves are in sync; maybe another than it was. */
  public int awaitInSync(String name, int slaves) {
    return awaitMaster(name, -1, slaves);
  }

  private int awaitMaster(String name, int not, int slaves) {
    Map<Integer, String> last = new ConcurrentHashMap<>();
    int[] found = new int[1];
    Await.until(
        () -> "no master of " + name + (slaves < 0 ? "" : " with slaves " + slaves) + ": " + last,
        () -> {
          for (int number : of(name)) {
            if (number != not && runs(number)) {
              JsonObject broker = broker(number);
              last.put(number, broker.encode());
              if ("master".equals(broker.getString("role"))
                  && (slaves < 0 || broker.getInteger("inSync", -1) == slaves)) {
                found[0] = number;
                return true;
              }
            }
          }
          return false;
        });
    return found[0];
  }

  /** The servers whose Broker has this name. */
  public List<Integer> of(String name) {
    return names.keySet().stream().filter(number -> names.get(number).equals(name)).toList();
  }

  /** All servers. */
  public List<Integer> servers() {
    return List.copyOf(names.keySet());
  }

  private String address(int number) {
    return subnet + number;
  }

  @Override
  public void close() {
    running.values().forEach(ServerProcess::close);
  }
}
