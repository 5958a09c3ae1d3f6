package io.sluice.remoting;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/** A producer in a process of its own, for settings that are those of a whole process. */
final class ProducerProcess {

  private ProducerProcess() {}

  /**
   * Sends the bodies 0 to count - 1, one after the other.
   *
   * @param settings further options of the JVM
   * @return the codes of the sends and the forms of all headers, of requests and of answers
   */
  static String send(String nameServer, String topic, int count, String... settings)
      throws Exception {
    List<String> command =
        ConsumerProcess.command(
            ProducerProcess.class, settings, nameServer, topic, String.valueOf(count));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return "exit " + process.waitFor() + " " + said.strip();
  }

  /** Sends, and prints how. */
  public static void main(String[] arguments) throws Exception {
    Headers headers = new Headers();
    DefaultMQProducer producer = new DefaultMQProducer("producer-process", headers);
    producer.setNamesrvAddr(arguments[0]);
    producer.setSendMsgTimeout(20_000);
    producer.setMqClientApiTimeout(20_000);
    producer.start();
    for (int i = 0; i < Integer.parseInt(arguments[2]); i++) {
      producer.send(RocketMqClients.message(arguments[1], "A", String.valueOf(i)));
    }
    producer.shutdown();
    System.out.println(headers);
    System.exit(0);
  }

  /** Notes how requests and answers look. */
  private static final class Headers implements RPCHook {

    private final Set<Integer> codes = new TreeSet<>();
    private final Set<String> asked = new TreeSet<>();
    private final Set<String> answered = new TreeSet<>();

    @Override
    public synchronized void doBeforeRequest(String address, RemotingCommand request) {
      asked.add(request.getSerializeTypeCurrentRPC().name());
    }

    @Override
    public synchronized void doAfterResponse(
        String address, RemotingCommand request, RemotingCommand response) {
      if (response != null) {
        answered.add(response.getSerializeTypeCurrentRPC().name());
        if (response.getExtFields() != null && response.getExtFields().containsKey("queueOffset")) {
          codes.add(request.getCode());
        }
      }
    }

    @Override
    public synchronized String toString() {
      return codes + " " + asked + " " + answered;
    }
  }
}
