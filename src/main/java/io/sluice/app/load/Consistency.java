package io.sluice.app.load;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Four services that have to agree. A takes orders: each is a transactional message, committed when
 * A's own database has it and rolled back when it refuses it; some A forgets to end, and finds
 * again. B and C take what was committed. D fails each third order three times and then takes it,
 * and a few orders are poison to it: they end in the dead letters and are redriven after the fix.
 * In the middle the server is killed, if that can be done.
 *
 * <p>Speaks HTTP as any service would; each service is a thread.
 */
public final class Consistency implements AutoCloseable {

  /** The server, which may be killed and started again. */
  public interface Server {

    /** Where it answers now. */
    URI uri();

    /** Says to it who asks, as that header; or null. */
    default String authorization() {
      return null;
    }

    /**
     * Kills it as {@code kill -9} does and starts it again on the same data.
     *
     * @return false if it is not ours to kill
     */
    boolean crash() throws IOException, InterruptedException;
  }

  private static final int MAX_ATTEMPTS = 5;
  private static final int FAILURES = 3;
  private static final long DEADLINE_SECONDS = 90;
  private static final Duration ANSWER = Duration.ofSeconds(20);

  private final Server server;
  private final PrintStream out;
  private final int orders;
  private final String suffix = Long.toString(System.currentTimeMillis(), 36);
  private final String topic = "consistency-" + suffix;
  private final String producers = "order-service-" + suffix;
  private final HttpClient http = HttpClient.newHttpClient();
  private final List<String> broken = new CopyOnWriteArrayList<>();
  private final long startNs = System.nanoTime();
  private final Map<String, Long> accepted = new TreeMap<>();
  private final Map<String, String> transactions = new HashMap<>();
  private final List<Service> services = new ArrayList<>();
  private volatile boolean fixed;

  /**
   * The play.
   *
   * @param orders how many; 20 at least show everything
   */
  public Consistency(Server server, PrintStream out, int orders) {
    this.server = server;
    this.out = out;
    this.orders = orders;
  }

  /**
   * Plays it.
   *
   * @return the promises that were broken; empty if all were kept
   */
  public List<String> run() throws InterruptedException {
    try {
      play();
    } catch (IOException e) {
      broken.add("it could not be played: " + e.getMessage());
    }
    services.forEach(Service::stop);
    broken.forEach(promise -> out.println("BROKEN: " + promise));
    if (broken.isEmpty()) {
      out.println("All promises were kept.");
    }
    return broken;
  }

  private void play() throws IOException, InterruptedException {
    say("Consistency: A takes %d orders; B, C and D must come to the same.", orders);
    for (String name : List.of("b", "c", "d")) {
      Service service = new Service(name);
      call(
          "PUT",
          "/v1/groups/" + service.group,
          "{\"maxAttempts\":" + MAX_ATTEMPTS + ",\"retryDelays\":[\"50ms\"]}");
      services.add(service);
      service.start();
    }
    for (int i = 0; i < orders; i++) {
      order(i);
      if (i == orders / 2) {
        say(
            server.crash()
                ? "the server was killed and started again, %d orders in"
                : "the server is not ours to kill, %d orders in",
            i + 1);
      }
    }
    int open = endWhatWasForgotten();
    say("A comes back and ends %d orders that it had forgotten", open);
    say("A accepted %d of %d orders", accepted.size(), orders);
    Service d = services.get(2);
    long poisoned = accepted.keySet().stream().filter(Consistency::isPoison).count();
    until("B has all", () -> services.get(0).taken.size() >= accepted.size());
    until("C has all", () -> services.get(1).taken.size() >= accepted.size());
    until("D has all but the poison", () -> d.taken.size() >= accepted.size() - poisoned);
    until("the poison is dead", () -> letters(d) >= poisoned);
    say("D failed %d times, and %d orders are in its dead letters", d.failed.get(), letters(d));
    promise(letters(d) == poisoned, letters(d) + " dead letters instead of " + poisoned);
    fixed = true;
    say("D is fixed; its dead letters are redriven");
    call("POST", "/v1/groups/" + d.group + "/dead-letters/redrive", "{\"ratePerSecond\":50}");
    until("D has all", () -> d.taken.size() >= accepted.size());
    promise(letters(d) == 0, letters(d) + " dead letters are left");
    compare();
  }

  /** One order: half message, A's own database, then the end of the transaction, or not. */
  private void order(int number) throws IOException, InterruptedException {
    String id = String.format(Locale.ROOT, "order-%04d", number);
    long amount = 10 + number % 90;
    String transaction =
        call(
                "POST",
                "/v1/topics/" + topic + "/messages",
                new JsonObject().put("order", id).put("amount", amount).encode(),
                "Content-Type",
                "application/json",
                "Sluice-Key",
                id,
                "Sluice-Transaction",
                producers)
            .getString("transactionId");
    boolean refused = number % 10 == 7;
    if (!refused) {
      accepted.put(id, amount);
      transactions.put(id, transaction);
    }
    boolean forgotten = number % 10 == 3;
    if (!forgotten) {
      end(transaction, refused ? "rollback" : "commit");
    }
  }

  /** What A does when it comes back: its database knows how each open transaction ended. */
  private int endWhatWasForgotten() throws IOException, InterruptedException {
    JsonArray open =
        call("GET", "/v1/transactions?limit=1000&state=open&group=" + producers, null)
            .getJsonArray("transactions");
    for (int i = 0; i < open.size(); i++) {
      String transaction = open.getJsonObject(i).getString("transactionId");
      // A send that was repeated after the crash has begun a second one for the same order.
      end(transaction, transactions.containsValue(transaction) ? "commit" : "rollback");
    }
    return open.size();
  }

  private void end(String transaction, String outcome) throws IOException, InterruptedException {
    call(
        "POST",
        "/v1/transactions/" + transaction,
        new JsonObject().put("outcome", outcome).encode());
  }

  private void compare() throws IOException, InterruptedException {
    for (Service service : services) {
      say(
          "%s took %d orders worth %d; %d came again and were not taken twice",
          service.name.toUpperCase(Locale.ROOT),
          service.taken.size(),
          service.taken.values().stream().mapToLong(Long::longValue).sum(),
          service.repeats.get());
      promise(
          service.taken.equals(accepted),
          service.name.toUpperCase(Locale.ROOT) + " does not agree with A");
      until(service.name + " has settled all", () -> lag(service) == 0);
    }
    promise(
        services.get(2).recovered.get() > 0, "D never failed three times and recovered by retry");
  }

  private long letters(Service service) throws IOException, InterruptedException {
    return call("GET", "/v1/groups/" + service.group + "/dead-letters/job", null)
        .getLong("waiting");
  }

  private long lag(Service service) throws IOException, InterruptedException {
    return call("GET", "/v1/groups/" + service.group + "/lag", null).getLong("messages");
  }

  private static boolean isPoison(String order) {
    return number(order) % 15 == 5;
  }

  private static boolean isHard(String order) {
    return number(order) % 3 == 1;
  }

  private static int number(String order) {
    return Integer.parseInt(order.substring(order.indexOf('-') + 1));
  }

  /** One that takes orders. */
  private final class Service implements Runnable {
    private final String name;
    private final String group;
    private final Map<String, Long> taken = new ConcurrentHashMap<>();
    private final AtomicInteger repeats = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicInteger recovered = new AtomicInteger();
    private final Thread thread;
    private volatile boolean stopped;

    private Service(String name) {
      this.name = name;
      group = name + "-" + suffix;
      thread = new Thread(this, "service-" + name);
      thread.setDaemon(true);
    }

    private void start() {
      thread.start();
    }

    private void stop() {
      stopped = true;
      thread.interrupt();
    }

    @Override
    public void run() {
      try {
        while (!stopped) {
          receive();
        }
      } catch (IOException e) {
        broken.add(name + " could not receive: " + e.getMessage());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private void receive() throws IOException, InterruptedException {
      JsonObject answer =
          call(
              "POST",
              "/v1/groups/" + group + "/topics/" + topic + "/receive",
              "{\"max\":16,\"wait\":\"1s\",\"invisible\":\"10s\"}");
      JsonArray messages = answer.getJsonArray("messages", new JsonArray());
      JsonArray acks = new JsonArray();
      JsonArray nacks = new JsonArray();
      for (int i = 0; i < messages.size(); i++) {
        JsonObject message = messages.getJsonObject(i);
        String error = take(message.getJsonObject("json"), message.getInteger("attempt"));
        if (error == null) {
          acks.add(message.getString("receipt"));
        } else {
          failed.incrementAndGet();
          nacks.add(
              new JsonObject().put("receipt", message.getString("receipt")).put("reason", error));
        }
      }
      if (!messages.isEmpty()) {
        call(
            "POST",
            "/v1/groups/" + group + "/settle",
            new JsonObject().put("ack", acks).put("nack", nacks).encode());
      }
    }

    /** Takes an order once, however often it comes; or says why not. */
    private String take(JsonObject order, int attempt) {
      String id = order.getString("order");
      if (name.equals("d") && !fixed && isPoison(id)) {
        return "no price for " + id;
      }
      if (name.equals("d") && isHard(id) && !isPoison(id)) {
        if (attempt <= FAILURES) {
          return "the database is down";
        }
        recovered.incrementAndGet();
      }
      if (taken.putIfAbsent(id, order.getLong("amount")) != null) {
        repeats.incrementAndGet();
      }
      return null;
    }
  }

  /** Something that is true sooner or later. */
  private interface Condition {
    boolean holds() throws IOException, InterruptedException;
  }

  private void until(String what, Condition condition) throws IOException, InterruptedException {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
    while (!condition.holds()) {
      if (System.nanoTime() > deadlineNs) {
        throw new IOException(what + ": not within " + DEADLINE_SECONDS + " s");
      }
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  /** Asks until the server answers: it may be dead at the moment. */
  private JsonObject call(String method, String path, String body, String... headers)
      throws IOException, InterruptedException {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
    while (true) {
      String problem;
      try {
        HttpResponse<String> answer = send(method, path, body, headers);
        if (answer.statusCode() < 300) {
          return answer.body().isEmpty() ? new JsonObject() : new JsonObject(answer.body());
        }
        problem = answer.statusCode() + " " + answer.body();
        if (answer.statusCode() < 500 && answer.statusCode() != 429) {
          throw new IllegalStateException(method + " " + path + ": " + problem);
        }
      } catch (IOException e) {
        problem = e.toString();
      }
      if (System.nanoTime() > deadlineNs) {
        throw new IOException(method + " " + path + ": " + problem);
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
  }

  private HttpResponse<String> send(String method, String path, String body, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(server.uri().resolve(path))
            .timeout(ANSWER)
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    if (server.authorization() != null) {
      request.header("Authorization", server.authorization());
    }
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private void promise(boolean kept, String otherwise) {
    if (!kept) {
      broken.add(otherwise);
    }
  }

  private void say(String format, Object... values) {
    out.printf(Locale.ROOT, "%6.1f s  ", (System.nanoTime() - startNs) / 1e9);
    out.printf(Locale.ROOT, format + "%n", values);
  }

  @Override
  public void close() {
    services.forEach(Service::stop);
  }
}
