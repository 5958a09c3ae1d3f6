package io.sluice.broker;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.Addresses;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.FrontNotice;
import io.sluice.bus.FrontNotice.CheckTransaction;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TransactionRequest;
import io.sluice.bus.TransactionRequest.State;
import io.sluice.bus.TransactionRequest.Transaction;
import io.sluice.bus.TransactionRequest.Transactions;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Future;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;

/**
 * A Broker with transactions under a clock that is moved by hand, and a front that hears checks.
 */
final class TransactionKit implements AutoCloseable {

  static final String FRONT = "test-front";
  private static final byte[] HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  final ManualClock clock;
  final Queue<CheckTransaction> checks = new ConcurrentLinkedQueue<>();
  BrokerKit kit;
  private int nextId;

  TransactionKit(Path directory, ManualClock clock) {
    this.clock = clock;
    open(directory);
  }

  private void open(Path directory) {
    kit = new BrokerKit(directory);
    kit.clock = clock;
    kit.options.getStore().segmentBytes(256 << 10).queueFileBytes(64 << 10);
    kit.vertx
        .eventBus()
        .<FrontNotice>localConsumer(
            Addresses.front(FRONT), message -> checks.add((CheckTransaction) message.body()));
  }

  TransactionKit start() throws Exception {
    kit.start();
    return this;
  }

  /** The process dies: another one goes on with what stands in the files now. */
  void crash(Path copy) throws Exception {
    copy(kit.options.getDirectory(), copy);
    BrokerOptions before = kit.options;
    kit.close();
    open(copy);
    kit.options
        .setTransactions(before.getTransactions())
        .setSnapshotInterval(before.getSnapshotInterval())
        .setDefaultAck(before.getDefaultAck());
    start();
  }

  @Override
  public void close() throws Exception {
    kit.close();
  }

  /** Begins one in the group "shop" whose message's body is its id. */
  String begin(String topic) throws Exception {
    String id = "tx-" + nextId++;
    begin(id, topic, "shop", QueueSelector.ANY, 0, id);
    return id;
  }

  AppendReply begin(String id, String topic, String group, long selector, long dueAtMs, String body)
      throws Exception {
    AppendReply reply = kit.send(half(id, topic, group, selector, dueAtMs, body));
    assertNull(reply.error(0));
    assertTrue(reply.isHalf(0));
    return reply;
  }

  MessageBatch half(
      String id, String topic, String group, long selector, long dueAtMs, String body) {
    MessageBatch batch = kit.batch();
    addHalf(batch, id, topic, group, selector, dueAtMs, body);
    return batch;
  }

  static void addHalf(
      MessageBatch batch,
      String id,
      String topic,
      String group,
      long selector,
      long dueAtMs,
      String body) {
    PropertiesWriter properties =
        new PropertiesWriter()
            .put(PropertyNames.UNIQUE_KEY, id)
            .put(PropertyNames.TAGS, "paid")
            .put("colour", "red");
    batch.addHalf(
        topic,
        selector,
        group,
        dueAtMs,
        7,
        0,
        1,
        HOST,
        0,
        ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8)),
        properties);
  }

  Future<Transaction> endLater(String id, boolean commit) {
    return kit.request(
        Addresses.transactions(BrokerKit.BROKER), new TransactionRequest.End(id, commit));
  }

  /** Ends one; how it ended. */
  State end(String id, boolean commit) throws Exception {
    return endLater(id, commit).await(10, SECONDS).state();
  }

  /** What is answered when one can not be ended, or null. */
  ErrorCode refusal(String id, boolean commit) throws Exception {
    try {
      end(id, commit);
      return null;
    } catch (RuntimeException e) {
      return SluiceException.of(e).code();
    }
  }

  <T extends io.sluice.bus.BusMessage> T ask(TransactionRequest request) throws Exception {
    return kit.<T>request(Addresses.transactions(BrokerKit.BROKER), request).await(10, SECONDS);
  }

  Transaction find(String id) throws Exception {
    return ask(new TransactionRequest.Find(id));
  }

  List<Transaction> browse(String group, State state) throws Exception {
    return this.<Transactions>ask(new TransactionRequest.Browse(group, state, 1_000))
        .transactions();
  }

  List<String> open() throws Exception {
    return browse(null, State.OPEN).stream().map(Transaction::transactionId).toList();
  }

  /** Takes and settles what there is in a topic; the bodies. */
  List<String> receive(String topic) throws Exception {
    List<Received> got = kit.receive("readers", topic, 1_000);
    if (!got.isEmpty()) {
      kit.ack("readers", got);
    }
    return BrokerKit.bodies(got);
  }

  /** A producer of the group says that it lives. */
  void heartbeat(String connection, String group) throws Exception {
    ClientKept.Member member =
        new ClientKept.Member(connection, FRONT + ":" + connection, "127.0.0.1:1", "JAVA", 1);
    kit.request(
            Addresses.clientKept(BrokerKit.BROKER),
            new ClientKept.Heartbeat(member, List.of(group), List.of()))
        .await(10, SECONDS);
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(file.getFileName());
        if (Files.isDirectory(file)) {
          copy(file, target);
        } else {
          copyOne(file, target);
        }
      }
    }
  }

  private static void copyOne(Path file, Path target) {
    try {
      Files.copy(file, target);
    } catch (NoSuchFileException e) {
      // Was moved or deleted meanwhile.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
