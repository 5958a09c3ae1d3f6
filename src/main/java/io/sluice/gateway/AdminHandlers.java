package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.Groups;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.Positions;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AdminRequest.Topics;
import io.sluice.bus.BusMessage;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Cluster;
import io.sluice.bus.NameServerRequest.GetCluster;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.bus.TopicConfig;
import io.sluice.message.Names;
import io.sluice.util.Durations;
import io.vertx.core.Future;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Topics, groups, positions, lag, and the cluster. Static; each call is owned by its event loop.
 */
final class AdminHandlers {

  static final List<String> TOPIC_FIELDS =
      Stream.concat(
              Stream.of("queues", "order", "retention", "permission"),
              TopicSettings.FIELDS.stream())
          .toList();
  static final List<String> GROUP_FIELDS = List.of("maxAttempts", "retryDelays", "orderedRetry");
  static final List<String> POSITION_FIELDS = List.of("to");

  private static final List<String> TO_FIELDS = List.of("time", "offsets");

  /** RocketMQ clients count attempts in an int; more than this is no policy but a mistake. */
  private static final int MAX_ATTEMPTS = 10_000;

  private static final int MAX_RETRY_DELAYS = 64;
  private static final long MAX_DELAY_MS = 40L * 86_400_000;
  private static final long MAX_RETENTION_MS = 3_650L * 86_400_000;

  private AdminHandlers() {}

  /** GET /v1/topics. */
  static void listTopics(Call call) {
    plain(call);
    call.await(
        AdminHandlers.<Topics>fromAll(call, new AdminRequest.ListTopics()),
        answers -> {
          Map<String, TopicConfig> byName = new TreeMap<>();
          answers.forEach(a -> a.answer().topics().forEach(t -> byName.putIfAbsent(t.name(), t)));
          byName.keySet().removeIf(Names::isSystemTopic);
          call.json(
              200,
              out -> {
                out.raw("{\"topics\":[");
                boolean first = true;
                for (TopicConfig topic : byName.values()) {
                  out.raw(first ? "{" : ",{");
                  first = false;
                  writeTopic(out, topic);
                  out.raw('}');
                }
                out.raw("]}");
              });
        });
  }

  /** GET /v1/topics/{topic}. */
  static void getTopic(Call call) {
    plain(call);
    String name = call.topic();
    call.await(
        AdminHandlers.<Topic>ofTopic(call, name, new AdminRequest.GetTopic(name)),
        topic -> answerTopic(call, 200, topic));
  }

  /** PUT /v1/topics/{topic}. */
  static void putTopic(Call call) {
    plain(call);
    String name = call.topic();
    TopicFields fields = new TopicFields();
    call.jsonBody(
        TOPIC_FIELDS,
        fields::take,
        () -> {
          Future<Topic> existing =
              absentAsNull(
                  AdminHandlers.<Topic>ofTopic(call, name, new AdminRequest.GetTopic(name)),
                  ErrorCode.TOPIC_NOT_FOUND);
          boolean[] created = new boolean[1];
          Future<Topic> put =
              existing.compose(
                  old -> {
                    created[0] = old == null;
                    TopicConfig base =
                        old == null
                            ? TopicConfig.of(name, TopicConfig.DEFAULT_QUEUES)
                            : old.config();
                    return ofTopic(call, name, new AdminRequest.PutTopic(fields.over(base)));
                  });
          call.await(
              put,
              topic -> {
                call.loop.directory.forget(name);
                answerTopic(call, created[0] ? 201 : 200, topic);
              });
        });
  }

  /** DELETE /v1/topics/{topic}. */
  static void deleteTopic(Call call) {
    plain(call);
    String name = call.topic();
    call.await(
        ofTopic(call, name, new AdminRequest.DeleteTopic(name)),
        ignored -> {
          call.loop.directory.forget(name);
          Answers.empty(call.response);
        });
  }

  /** GET /v1/groups. */
  static void listGroups(Call call) {
    plain(call);
    call.await(
        AdminHandlers.<Groups>fromAll(call, new AdminRequest.ListGroups()),
        answers -> {
          Map<String, GroupConfig> byName = new TreeMap<>();
          answers.forEach(a -> a.answer().groups().forEach(g -> byName.putIfAbsent(g.name(), g)));
          call.json(
              200,
              out -> {
                out.raw("{\"groups\":[");
                boolean first = true;
                for (GroupConfig group : byName.values()) {
                  out.raw(first ? "" : ",");
                  first = false;
                  writeGroup(out, group);
                }
                out.raw("]}");
              });
        });
  }

  /** GET /v1/groups/{group}. */
  static void getGroup(Call call) {
    plain(call);
    call.await(
        AdminHandlers.<GroupConfig>fromAll(call, new AdminRequest.GetGroup(call.group())),
        found -> call.json(200, out -> writeGroup(out, found.get(0).answer())));
  }

  /** PUT /v1/groups/{group}. */
  static void putGroup(Call call) {
    plain(call);
    String name = call.group();
    GroupFields fields = new GroupFields();
    call.jsonBody(
        GROUP_FIELDS,
        fields::take,
        () -> {
          boolean[] created = new boolean[1];
          Future<List<Named<GroupConfig>>> put =
              absentAsNull(
                      AdminHandlers.<GroupConfig>fromAll(call, new AdminRequest.GetGroup(name)),
                      ErrorCode.GROUP_NOT_FOUND)
                  .compose(
                      old -> {
                        created[0] = old == null;
                        GroupConfig base = old == null ? GroupConfig.of(name) : old.get(0).answer();
                        return fromAll(call, new AdminRequest.PutGroup(fields.over(base)));
                      });
          call.await(
              put,
              groups ->
                  call.json(
                      created[0] ? 201 : 200, out -> writeGroup(out, groups.get(0).answer())));
        });
  }

  /** DELETE /v1/groups/{group}. */
  static void deleteGroup(Call call) {
    plain(call);
    call.await(
        AdminHandlers.<Done>fromAll(call, new AdminRequest.DeleteGroup(call.group())),
        ignored -> Answers.empty(call.response));
  }

  /** GET /v1/groups/{group}/lag. */
  static void lag(Call call) {
    SluiceHeaders.readPlain(call.request.headers(), false);
    boolean detail = call.query("detail").flag("detail");
    String group = call.group();
    call.await(
        AdminHandlers.<Lag>fromAll(call, new AdminRequest.GetLag(group)),
        lags -> call.json(200, out -> writeLag(out, call.loop.clock.nowMs(), group, lags, detail)));
  }

  /** PUT /v1/groups/{group}/topics/{topic}/position. */
  static void putPosition(Call call) {
    plain(call);
    String group = call.group();
    String topic = call.topic();
    PositionFields fields = new PositionFields();
    call.jsonBody(
        POSITION_FIELDS,
        fields::take,
        () ->
            call.await(
                AdminHandlers.<Positions>ofTopic(call, topic, fields.request(group, topic)),
                positions ->
                    call.json(
                        200,
                        out -> {
                          out.raw("{\"group\":").string(group).next("topic").string(topic);
                          out.next("queues").raw('[');
                          for (int i = 0; i < positions.queueIds().length; i++) {
                            out.raw(i == 0 ? "{" : ",{").name("queue");
                            out.number(positions.queueIds()[i]).next("offset");
                            out.number(positions.queueOffsets()[i]).raw('}');
                          }
                          out.raw("]}");
                        })));
  }

  /** GET /v1/cluster. */
  static void cluster(Call call) {
    plain(call);
    Future<Cluster> cluster = call.loop.brokers.nameServer(new GetCluster());
    Future<List<Named<BrokerInfo>>> infos =
        AdminHandlers.<BrokerInfo>fromAll(call, new AdminRequest.GetBroker())
            .recover(none -> Future.succeededFuture(List.of()));
    call.await(
        cluster.compose(known -> infos.map(found -> Map.entry(known, found))),
        both -> call.json(200, out -> writeCluster(out, call, both.getKey(), both.getValue())));
  }

  private static void plain(Call call) {
    SluiceHeaders.readPlain(call.request.headers(), false);
    call.query();
  }

  private static <T extends BusMessage> Future<T> ofTopic(
      Call call, String topic, AdminRequest request) {
    return call.loop
        .routes
        .brokerFor(topic)
        .compose(broker -> call.loop.brokers.admin(broker, request));
  }

  /** A Broker's answer. */
  private record Named<T>(String broker, T answer) {}

  /**
   * Asks every master.
   *
   * @return the answers of those that had one, at least one; else the first failure
   */
  private static <T extends BusMessage> Future<List<Named<T>>> fromAll(
      Call call, AdminRequest request) {
    return call.loop.masters().compose(masters -> fromAll(call, masters, request));
  }

  private static <T extends BusMessage> Future<List<Named<T>>> fromAll(
      Call call, List<String> masters, AdminRequest request) {
    if (masters.isEmpty()) {
      return Future.failedFuture(
          new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "no Broker is registered"));
    }
    List<Future<T>> asked = new ArrayList<>();
    masters.forEach(master -> asked.add(call.loop.brokers.admin(master, request)));
    return Future.join(asked)
        .transform(
            ignored -> {
              List<Named<T>> answers = new ArrayList<>();
              for (int i = 0; i < asked.size(); i++) {
                if (asked.get(i).succeeded()) {
                  answers.add(new Named<>(masters.get(i), asked.get(i).result()));
                }
              }
              return answers.isEmpty()
                  ? Future.failedFuture(asked.get(0).cause())
                  : Future.succeededFuture(answers);
            });
  }

  private static <T> Future<T> absentAsNull(Future<T> asked, ErrorCode absent) {
    return asked.recover(
        failure ->
            SluiceException.of(failure).code() == absent
                ? Future.succeededFuture(null)
                : Future.failedFuture(failure));
  }

  private static void answerTopic(Call call, int status, Topic topic) {
    call.json(
        status,
        out -> {
          out.raw('{');
          writeTopic(out, topic.config());
          out.next("offsets").raw('[');
          for (int i = 0; i < topic.maxOffsets().length; i++) {
            out.raw(i == 0 ? "{" : ",{").name("queue").number(i);
            out.next("min").number(topic.minOffsets()[i]);
            out.next("max").number(topic.maxOffsets()[i]).raw('}');
          }
          out.raw("]}");
        });
  }

  private static void writeTopic(JsonText out, TopicConfig topic) {
    out.name("name").string(topic.name());
    out.next("queues").number(topic.queues());
    out.next("order").bool(topic.order());
    out.next("retention");
    if (topic.retentionMs() == TopicConfig.RETENTION_OF_BROKER) {
      out.raw("null");
    } else {
      out.string(Durations.format(topic.retentionMs()));
    }
    out.next("permission").string(permission(topic.permission()));
    TopicSettings.write(out, topic);
    if (!topic.attributes().keySet().stream().allMatch(TopicSettings::isSetting)) {
      out.next("attributes").raw('{');
      boolean first = true;
      for (Map.Entry<String, String> entry : topic.attributes().entrySet()) {
        if (TopicSettings.isSetting(entry.getKey())) {
          continue;
        }
        out.raw(first ? "" : ",").string(entry.getKey()).raw(':').string(entry.getValue());
        first = false;
      }
      out.raw('}');
    }
  }

  private static String permission(int bits) {
    String text =
        ((bits & TopicConfig.READ) != 0 ? "r" : "") + ((bits & TopicConfig.WRITE) != 0 ? "w" : "");
    return text.isEmpty() ? "none" : text;
  }

  private static void writeGroup(JsonText out, GroupConfig group) {
    out.raw('{').name("name").string(group.name());
    out.next("maxAttempts").number(group.maxAttempts());
    out.next("retryDelays").raw('[');
    for (int i = 0; i < group.retryDelaysMs().size(); i++) {
      out.raw(i == 0 ? "" : ",").string(Durations.format(group.retryDelaysMs().get(i)));
    }
    out.raw(']').next("orderedRetry").string(Durations.format(group.orderedRetryDelayMs()));
    out.raw('}');
  }

  private static void writeLag(
      JsonText out, long nowMs, String group, List<Named<Lag>> lags, boolean detail) {
    Sum all = new Sum();
    Map<String, Sum> byTopic = new TreeMap<>();
    for (Named<Lag> lag : lags) {
      for (QueueLag queue : lag.answer().queues()) {
        all.add(queue);
        byTopic.computeIfAbsent(queue.topic(), topic -> new Sum()).add(queue);
      }
    }
    out.raw('{').name("group").string(group).raw(',');
    all.write(out, nowMs);
    out.next("topics").raw('[');
    boolean first = true;
    for (Map.Entry<String, Sum> entry : byTopic.entrySet()) {
      out.raw(first ? "{" : ",{").name("topic").string(entry.getKey()).raw(',');
      first = false;
      entry.getValue().write(out, nowMs);
      out.raw('}');
    }
    out.raw(']');
    if (detail) {
      out.next("queues").raw('[');
      first = true;
      for (Named<Lag> lag : lags) {
        for (QueueLag queue : lag.answer().queues()) {
          out.raw(first ? "{" : ",{").name("topic").string(queue.topic());
          first = false;
          out.next("broker").string(lag.broker()).next("queue").number(queue.queueId());
          out.next("committedOffset").number(queue.committedOffset());
          out.next("nextOffset").number(queue.nextOffset());
          out.next("maxOffset").number(queue.maxOffset()).raw(',');
          Sum one = new Sum();
          one.add(queue);
          one.write(out, nowMs);
          out.raw('}');
        }
      }
      out.raw(']');
    }
    out.raw('}');
  }

  private static void writeCluster(
      JsonText out, Call call, Cluster cluster, List<Named<BrokerInfo>> infos) {
    out.raw("{\"nameServers\":[{\"id\":").string(cluster.nameServerId()).raw("}],\"brokers\":[");
    boolean first = true;
    for (BrokerNode node : cluster.brokers()) {
      out.raw(first ? "{" : ",{").name("name").string(node.brokerName());
      first = false;
      out.next("cluster").string(node.cluster()).next("id").number(node.brokerId());
      out.next("role").string(node.brokerId() == 0 ? "master" : "slave");
      out.next("address").string(node.address()).next("lastSeen").number(node.lastSeenMs());
      if (node.epoch() > 0) {
        out.next("epoch").number(node.epoch());
      }
      if (node.brokerId() == 0 && node.epoch() > 0) {
        writeInSync(out, node.inSync());
      }
      for (Named<BrokerInfo> info : infos) {
        if (node.brokerId() == 0 && info.broker().equals(node.brokerName())) {
          writeInfo(out, info.answer());
        }
      }
      out.raw('}');
    }
    out.raw("],\"gateways\":[{\"address\":")
        .string(call.loop.options.host() + ":" + call.loop.gateway.actualPort());
    out.next("sockets").number(call.loop.gateway.sockets().get());
    out.next("waiting").number(call.loop.gateway.waiting().get()).raw("}]}");
  }

  /** Broker ids of the slaves in sync; the master, 0, is one of the set. */
  private static void writeInSync(JsonText out, List<Long> slaves) {
    out.next("inSync").raw("[0");
    slaves.forEach(id -> out.raw(",").number(id));
    out.raw(']');
  }

  private static void writeInfo(JsonText out, BrokerInfo info) {
    out.next("writable").bool(info.writable());
    if (info.reason() != null) {
      out.next("reason").string(info.reason());
    }
    out.next("minPhysicalOffset").number(info.minPhysicalOffset());
    out.next("maxPhysicalOffset").number(info.maxPhysicalOffset());
    out.next("forcedPhysicalOffset").number(info.forcedPhysicalOffset());
    out.next("messagesIn").number(info.messagesIn());
    out.next("messagesOut").number(info.messagesOut());
    out.next("waitingReceives").number(info.waitingReceives());
    out.next("leasesInFlight").number(info.leasesInFlight());
    out.next("duplicates").number(info.duplicates());
    out.next("duplicateEntries").number(info.duplicateEntries());
  }

  /** Lag summed up over queues. */
  private static final class Sum {

    private long waiting;
    private long inFlight;
    private long retrying;
    private long oldestMs = -1;

    void add(QueueLag queue) {
      waiting += queue.waiting();
      inFlight += queue.inFlight();
      retrying += queue.retrying();
      if (queue.oldestStoredAtMs() >= 0 && (oldestMs < 0 || queue.oldestStoredAtMs() < oldestMs)) {
        oldestMs = queue.oldestStoredAtMs();
      }
    }

    void write(JsonText out, long nowMs) {
      out.name("messages").number(waiting);
      out.next("seconds").number(oldestMs < 0 ? 0 : Math.max(0, nowMs - oldestMs) / 1000);
      out.next("inFlight").number(inFlight).next("retrying").number(retrying);
    }
  }

  /** The fields of a topic that were given. */
  private static final class TopicFields {

    private Integer queues;
    private Boolean order;
    private Long retentionMs;
    private Integer permission;
    private final TopicSettings settings = new TopicSettings();

    boolean take(String name, JsonParser parser) throws IOException {
      switch (name) {
        case "queues" -> queues = (int) Fields.number(name, parser, 1, TopicConfig.MAX_QUEUES);
        case "order" -> order = Fields.bool(name, parser);
        case "retention" ->
            retentionMs =
                parser.currentToken() == JsonToken.VALUE_NULL
                    ? TopicConfig.RETENTION_OF_BROKER
                    : Fields.durationMs(name, parser, 1_000, MAX_RETENTION_MS);
        case "permission" -> permission = permissionBits(Fields.text(name, parser));
        default -> {
          return settings.take(name, parser);
        }
      }
      return true;
    }

    TopicConfig over(TopicConfig plain) {
      TopicConfig base = settings.over(plain);
      return new TopicConfig(
          base.name(),
          queues == null ? base.queues() : queues,
          permission == null ? base.permission() : permission,
          order == null ? base.order() : order,
          retentionMs == null ? base.retentionMs() : retentionMs,
          base.attributes());
    }

    private static int permissionBits(String text) {
      return switch (text) {
        case "rw" -> TopicConfig.READ | TopicConfig.WRITE;
        case "r" -> TopicConfig.READ;
        case "w" -> TopicConfig.WRITE;
        case "none" -> 0;
        default ->
            throw new SluiceException(
                ErrorCode.INVALID_ARGUMENT,
                "permission: found '" + text + "', allowed are rw, r, w and none");
      };
    }
  }

  /** The fields of a group that were given. */
  private static final class GroupFields {

    private Integer maxAttempts;
    private List<Long> retryDelaysMs;
    private Long orderedRetryMs;

    boolean take(String name, JsonParser parser) throws IOException {
      switch (name) {
        case "maxAttempts" -> maxAttempts = (int) Fields.number(name, parser, 1, MAX_ATTEMPTS);
        case "retryDelays" -> {
          Fields.expectArray(name, parser);
          retryDelaysMs = new ArrayList<>();
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            retryDelaysMs.add(Fields.durationMs(name, parser, 0, MAX_DELAY_MS));
          }
          if (retryDelaysMs.isEmpty() || retryDelaysMs.size() > MAX_RETRY_DELAYS) {
            throw new SluiceException(
                ErrorCode.INVALID_ARGUMENT,
                "retryDelays: found "
                    + retryDelaysMs.size()
                    + " delays, allowed are 1 to "
                    + MAX_RETRY_DELAYS);
          }
        }
        case "orderedRetry" -> orderedRetryMs = Fields.durationMs(name, parser, 0, MAX_DELAY_MS);
        default -> {
          return false;
        }
      }
      return true;
    }

    GroupConfig over(GroupConfig base) {
      return new GroupConfig(
          base.name(),
          maxAttempts == null ? base.maxAttempts() : maxAttempts,
          retryDelaysMs == null ? base.retryDelaysMs() : List.copyOf(retryDelaysMs),
          orderedRetryMs == null ? base.orderedRetryDelayMs() : orderedRetryMs,
          base.attributes());
    }
  }

  /** Where a position is to go. */
  static final class PositionFields {

    private StartPosition to;
    private int[] queueIds;
    private long[] queueOffsets;

    boolean take(String name, JsonParser parser) throws IOException {
      if (!name.equals("to")) {
        return false;
      }
      if (parser.currentToken() == JsonToken.VALUE_STRING) {
        to =
            switch (parser.getText()) {
              case "earliest" -> StartPosition.EARLIEST;
              case "latest" -> StartPosition.LATEST;
              default -> throw wrong("found '" + parser.getText() + "'");
            };
        return true;
      }
      Fields.expectObject("to", parser);
      Fields.readFields(parser, TO_FIELDS, this::takeInner);
      return true;
    }

    /** The place for a subscription. */
    Position.From place() {
      return to != null
          ? new Position.From(to, null)
          : new Position.From(null, new Position(queueIds, queueOffsets));
    }

    AdminRequest request(String group, String topic) {
      if ((to == null) == (queueIds == null)) {
        throw wrong(to == null ? "found nothing" : "found both time and offsets");
      }
      return new AdminRequest.SetPosition(group, topic, to, queueIds, queueOffsets);
    }

    private boolean takeInner(String name, JsonParser parser) throws IOException {
      switch (name) {
        case "time" -> to = StartPosition.time(Fields.timeMs(name, parser));
        case "offsets" -> takeOffsets(parser);
        default -> {
          return false;
        }
      }
      return true;
    }

    private void takeOffsets(JsonParser parser) throws IOException {
      Fields.expectObject("offsets", parser);
      Map<Integer, Long> offsets = new TreeMap<>();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String queue = parser.currentName();
        parser.nextToken();
        int queueId;
        try {
          queueId = Integer.parseInt(queue);
        } catch (NumberFormatException e) {
          throw wrong("found '" + queue + "' as the number of a queue in offsets");
        }
        offsets.put(queueId, Fields.number("offsets." + queue, parser, 0, Long.MAX_VALUE));
      }
      queueIds = offsets.keySet().stream().mapToInt(Integer::intValue).toArray();
      queueOffsets = offsets.values().stream().mapToLong(Long::longValue).toArray();
    }

    private static SluiceException wrong(String found) {
      return new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "to: "
              + found
              + ", allowed are \"earliest\", \"latest\", {\"time\":...} and"
              + " {\"offsets\":{\"0\":42}}");
    }
  }
}
