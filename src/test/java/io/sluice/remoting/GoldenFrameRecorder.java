package io.sluice.remoting;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * Records what the official client sends to a real RocketMQ, and what that answers, for {@link
 * GoldenFramesTest}. To be run by hand against a RocketMQ with an empty store whose Broker is
 * called broker-a: the NameServer's address, then the file to write.
 *
 * <p>A line {@code > n} or {@code > b} is a frame to the NameServer or the Broker in hex; the line
 * {@code <} behind it has the answer's code, the names of its header fields, and the body's length.
 */
public final class GoldenFrameRecorder implements RPCHook {

  private static final String TOPIC = "golden";

  private final String nameServer;
  private final List<String> lines = new ArrayList<>();
  private final Set<String> known = new HashSet<>();

  private GoldenFrameRecorder(String nameServer) {
    this.nameServer = nameServer;
  }

  /** Records. */
  public static void main(String[] arguments) throws Exception {
    GoldenFrameRecorder recorder = new GoldenFrameRecorder(arguments[0]);
    recorder.run();
    Files.write(Path.of(arguments[1]), recorder.lines);
    System.exit(0);
  }

  @Override
  public void doBeforeRequest(String address, RemotingCommand request) {
    // Recorded with its answer.
  }

  @Override
  public synchronized void doAfterResponse(
      String address, RemotingCommand request, RemotingCommand response) {
    if (response == null) {
      return;
    }
    // Each client's heartbeat is wanted, of all else the first with each answer.
    String client = request.getCode() == RequestCode.HEART_BEAT ? bodyText(request) : "";
    if (!known.add(request.getCode() + "/" + response.getCode() + client)) {
      return;
    }
    ByteBuffer frame = request.encode();
    byte[] bytes = new byte[frame.remaining()];
    frame.get(bytes);
    Set<String> names =
        response.getExtFields() == null
            ? Set.of()
            : new TreeSet<>(response.getExtFields().keySet());
    int bodyBytes = response.getBody() == null ? 0 : response.getBody().length;
    lines.add("# code " + request.getCode());
    lines.add("> " + (address.equals(nameServer) ? "n " : "b ") + HexFormat.of().formatHex(bytes));
    lines.add("< " + response.getCode() + " [" + String.join(" ", names) + "] " + bodyBytes);
  }

  private void run() throws Exception {
    DefaultMQProducer producer = new DefaultMQProducer("golden-producer", this);
    producer.setNamesrvAddr(nameServer);
    producer.start();
    Message message = message("first");
    message.setKeys("k1 k2");
    producer.send(message);
    producer.send(List.of(message("b1"), message("b2")));
    AtomicInteger seen = new AtomicInteger();
    DefaultMQPushConsumer concurrent = consumer("golden-concurrent");
    concurrent.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              seen.addAndGet(messages.size());
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    concurrent.start();
    RocketMqClients.await(() -> "3 messages", () -> seen.get() == 3);
    DefaultMQPushConsumer orderly = consumer("golden-orderly");
    orderly.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              seen.addAndGet(messages.size());
              return ConsumeOrderlyStatus.SUCCESS;
            });
    orderly.start();
    RocketMqClients.await(() -> "6 messages", () -> seen.get() == 6);
    MessageQueue queue = new MessageQueue(TOPIC, "broker-a", 0);
    producer.maxOffset(queue);
    producer.minOffset(queue);
    producer.searchOffset(queue, System.currentTimeMillis());
    producer.earliestMsgStoreTime(queue);
    concurrent.shutdown();
    orderly.shutdown();
    producer.shutdown();
  }

  private DefaultMQPushConsumer consumer(String group) throws Exception {
    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group, this);
    consumer.setNamesrvAddr(nameServer);
    consumer.setInstanceName(group);
    consumer.subscribe(TOPIC, "TagA || TagB");
    return consumer;
  }

  private static String bodyText(RemotingCommand request) {
    return new String(request.getBody(), StandardCharsets.UTF_8);
  }

  private static Message message(String body) {
    return new Message(TOPIC, "TagA", body.getBytes(StandardCharsets.UTF_8));
  }
}
