package io.sluice.spring;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.spring.annotation.ConsumeMode;
import org.apache.rocketmq.spring.annotation.MessageModel;
import org.apache.rocketmq.spring.annotation.RocketMQMessageListener;
import org.apache.rocketmq.spring.annotation.RocketMQTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionListener;
import org.apache.rocketmq.spring.core.RocketMQLocalTransactionState;
import org.apache.rocketmq.spring.core.RocketMQReplyListener;
import org.apache.rocketmq.spring.core.RocketMQTemplate;
import org.apache.rocketmq.spring.support.RocketMQHeaders;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.stereotype.Service;

/**
 * Sends and receives in each way of the starter, unmodified, and says what came. The first line
 * that begins with {@code RESULT} is {@code name=value} by {@code ;}; the names of the topics end
 * with the first argument.
 */
@SpringBootApplication
public class SpringScenario {

  private static final Map<String, List<String>> GOT = new ConcurrentHashMap<>();

  static void got(String where, String what) {
    GOT.computeIfAbsent(where, name -> new CopyOnWriteArrayList<>()).add(what);
  }

  static List<String> of(String where) {
    return List.copyOf(GOT.getOrDefault(where, List.of()));
  }

  /** By tag; the first delivery of what is called so fails. */
  @Service
  @RocketMQMessageListener(
      topic = "spring-orders",
      consumerGroup = "spring-orders-group",
      selectorExpression = "paid || sent",
      delayLevelWhenNextConsume = 1)
  public static class Orders implements RocketMQListener<MessageExt> {
    @Override
    public void onMessage(MessageExt message) {
      String body = new String(message.getBody());
      if (body.equals("fails once") && message.getReconsumeTimes() == 0) {
        got("failed", body);
        throw new IllegalStateException("the first time fails");
      }
      got("orders", body + (message.getReconsumeTimes() > 0 ? " again" : ""));
    }
  }

  /** By a condition, converted from JSON. */
  @Service
  @RocketMQMessageListener(
      topic = "spring-objects",
      consumerGroup = "spring-objects-group",
      selectorType = org.apache.rocketmq.spring.annotation.SelectorType.SQL92,
      selectorExpression = "price > 10")
  public static class Objects implements RocketMQListener<Order> {
    @Override
    public void onMessage(Order order) {
      got("objects", order.name + order.price);
    }
  }

  /** What travels as JSON. */
  public static class Order {
    public String name;
    public int price;

    static Order of(String name, int price) {
      Order order = new Order();
      order.name = name;
      order.price = price;
      return order;
    }
  }

  /** In order. */
  @Service
  @RocketMQMessageListener(
      topic = "spring-ordered",
      consumerGroup = "spring-ordered-group",
      consumeMode = ConsumeMode.ORDERLY)
  public static class Ordered implements RocketMQListener<String> {
    @Override
    public void onMessage(String body) {
      got("ordered", body);
    }
  }

  /** Each process gets all. */
  @Service
  @RocketMQMessageListener(
      topic = "spring-news",
      consumerGroup = "spring-news-group",
      messageModel = MessageModel.BROADCASTING)
  public static class News implements RocketMQListener<String> {
    @Override
    public void onMessage(String body) {
      got("news", body);
    }
  }

  /** Answers. */
  @Service
  @RocketMQMessageListener(topic = "spring-asks", consumerGroup = "spring-asks-group")
  public static class Answers implements RocketMQReplyListener<String, String> {
    @Override
    public String onMessage(String question) {
      return "answer to " + question;
    }
  }

  /** What transactions have committed. */
  @Service
  @RocketMQMessageListener(topic = "spring-deals", consumerGroup = "spring-deals-group")
  public static class Deals implements RocketMQListener<String> {
    @Override
    public void onMessage(String body) {
      got("deals", body);
    }
  }

  /** Ends transactions as the argument says, and when it is asked with a commit. */
  @RocketMQTransactionListener
  public static class Transactions implements RocketMQLocalTransactionListener {
    @Override
    public RocketMQLocalTransactionState executeLocalTransaction(Message message, Object outcome) {
      return RocketMQLocalTransactionState.valueOf((String) outcome);
    }

    @Override
    public RocketMQLocalTransactionState checkLocalTransaction(Message message) {
      got("checked", new String((byte[]) message.getPayload()));
      return RocketMQLocalTransactionState.COMMIT;
    }
  }

  /** Runs it and ends the process. */
  public static void main(String[] arguments) {
    int status = 1;
    try (ConfigurableApplicationContext context =
        SpringApplication.run(SpringScenario.class, arguments)) {
      run(context.getBean(RocketMQTemplate.class));
      status = 0;
    } catch (Exception e) {
      e.printStackTrace();
    }
    System.exit(status);
  }

  private static void run(RocketMQTemplate template) throws Exception {
    Map<String, Object> results = new TreeMap<>();
    results.put("sync", template.syncSend("spring-orders:paid", "sync").getSendStatus());
    results.put("async", sendAsync(template));
    template.sendOneWay("spring-orders:paid", "oneway");
    template.syncSend("spring-orders:open", "of another tag");
    template.syncSend("spring-orders:sent", "fails once");
    List<Message<String>> batch = new ArrayList<>();
    batch.add(MessageBuilder.withPayload("batch 1").build());
    batch.add(MessageBuilder.withPayload("batch 2").build());
    results.put("batch", template.syncSend("spring-orders:paid", batch).getSendStatus());
    long sentMs = System.currentTimeMillis();
    template.syncSendDelayTimeSeconds("spring-orders:paid", "delayed", 2);

    template.syncSend("spring-objects", withPrice("cheap", 5));
    template.syncSend("spring-objects", withPrice("dear", 50));
    sendNews(template);
    for (int i = 0; i < 20; i++) {
      SendResult sent = template.syncSendOrderly("spring-ordered", "o" + i, "one key");
      results.merge("queues", Set.of(sent.getMessageQueue().getQueueId()), SpringScenario::both);
    }
    results.put("reply", template.sendAndReceive("spring-asks", "why", String.class, 10_000));

    for (String outcome : List.of("COMMIT", "ROLLBACK", "UNKNOWN")) {
      TransactionSendResult sent =
          template.sendMessageInTransaction(
              "spring-deals", MessageBuilder.withPayload("deal " + outcome).build(), outcome);
      LocalTransactionState state = sent.getLocalTransactionState();
      results.put("tx " + outcome, sent.getSendStatus() + " " + state);
    }

    await("orders", () -> of("orders").size() >= 7);
    results.put("delayedLate", System.currentTimeMillis() - sentMs >= 2_000);
    await("objects", () -> of("objects").size() >= 1);
    await("ordered", () -> of("ordered").size() >= 20);
    await("deals", () -> of("deals").size() >= 2);
    GOT.forEach((name, bodies) -> results.put("got " + name, sorted(name, bodies)));
    StringBuilder line = new StringBuilder("RESULT ");
    results.forEach((name, value) -> line.append(name).append('=').append(value).append(';'));
    System.out.println(line);
  }

  /** Again until it comes: who listens to a broadcast gets what is sent after it has joined. */
  private static void sendNews(RocketMQTemplate template) throws InterruptedException {
    await(
        "news",
        () -> {
          template.convertAndSend("spring-news", "news");
          return !of("news").isEmpty();
        });
  }

  private static Message<Order> withPrice(String name, int price) {
    return MessageBuilder.withPayload(Order.of(name, price))
        .setHeader(RocketMQHeaders.KEYS, name)
        .setHeader("price", price)
        .build();
  }

  private static SendStatus sendAsync(RocketMQTemplate template) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    List<SendStatus> status = new CopyOnWriteArrayList<>();
    template.asyncSend(
        "spring-orders:paid",
        "async",
        new SendCallback() {
          @Override
          public void onSuccess(SendResult result) {
            status.add(result.getSendStatus());
            done.countDown();
          }

          @Override
          public void onException(Throwable failure) {
            failure.printStackTrace();
            done.countDown();
          }
        });
    done.await(30, TimeUnit.SECONDS);
    return status.isEmpty() ? null : status.get(0);
  }

  private static Object both(Object a, Object b) {
    Set<Object> all = new java.util.TreeSet<>((Set<?>) a);
    all.addAll((Set<?>) b);
    return all;
  }

  private static List<String> sorted(String name, List<String> bodies) {
    return switch (name) {
      case "ordered" -> bodies;
      case "news" -> bodies.stream().distinct().toList();
      default -> bodies.stream().sorted().toList();
    };
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long endNs = System.nanoTime() + Duration.ofSeconds(90).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > endNs) {
        throw new IllegalStateException(what + " did not come; there are " + GOT);
      }
      Thread.sleep(20);
    }
  }
}
