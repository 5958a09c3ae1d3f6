package io.sluice.remoting;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/** A push consumer in a process of its own, so that it can die; it prints what it is given. */
final class ConsumerProcess implements AutoCloseable {

  private final Process process;
  private final List<String> bodies = new CopyOnWriteArrayList<>();

  /**
   * Starts it.
   *
   * @param settings further options of the JVM
   */
  ConsumerProcess(String nameServer, String group, String topic, String... settings)
      throws IOException {
    List<String> command = command(ConsumerProcess.class, settings, nameServer, group, topic);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
    process = builder.start();
    Thread reader = new Thread(this::read, "consumer-process");
    reader.setDaemon(true);
    reader.start();
  }

  /** A Java process of this class path. */
  static List<String> command(Class<?> main, String[] settings, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx128m");
    command.addAll(List.of(settings));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  List<String> bodies() {
    return bodies;
  }

  /** As {@code kill -9} does. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() throws Exception {
    kill();
  }

  private void read() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String line = lines.readLine();
      while (line != null) {
        if (line.startsWith("got ")) {
          bodies.add(line.substring(4));
        }
        line = lines.readLine();
      }
    } catch (IOException ended) {
      // The process was killed.
    }
  }

  /** Consumes until it is killed. */
  public static void main(String[] arguments) throws Exception {
    RocketMqClients clients = new RocketMqClients(arguments[0]);
    DefaultMQPushConsumer consumer = clients.pushConsumer(arguments[1]);
    consumer.setInstanceName("child");
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(arguments[2], "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt message : messages) {
                System.out.println("got " + new String(message.getBody(), StandardCharsets.UTF_8));
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();
  }
}
