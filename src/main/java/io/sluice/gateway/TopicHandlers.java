package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.Groups;
import io.sluice.bus.AdminRequest.Topic;
import io.sluice.bus.AdminRequest.Topics;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import io.sluice.bus.TopicConfig;
import io.sluice.gateway.Masters.Answer;
import io.sluice.message.Names;
import io.sluice.util.Durations;
import io.vertx.core.Future;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Topics: listed, shown, made, changed, deleted. Static; each call is owned by its event loop. */
final class TopicHandlers {

  static final List<String> FIELDS =
      Stream.concat(
              Stream.of("queues", "order", "retention", "permission"),
              TopicSettings.FIELDS.stream())
          .toList();

  private static final long MAX_RETENTION_MS = 3_650L * 86_400_000;

  private TopicHandlers() {}

  /** GET /v1/topics. */
  static void list(Call call) {
    call.checkPlain();
    call.await(
        Masters.<Topics>any(call.loop, new AdminRequest.ListTopics()),
        answers -> {
          Map<String, TopicConfig> byName = new TreeMap<>();
          answers.forEach(a -> a.value().topics().forEach(t -> byName.putIfAbsent(t.name(), t)));
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
  static void get(Call call) {
    call.checkPlain();
    String name = call.topic();
    call.await(
        Masters.<Topic>anyOfTopic(call.loop, name, new AdminRequest.GetTopic(name)),
        found -> answer(call, 200, found));
  }

  /**
   * PUT /v1/topics/{topic}; with {@code broker} at that master, whether it has the topic or not.
   */
  static void put(Call call) {
    String broker = call.plainQuery("broker").get("broker");
    String name = call.topic();
    TopicFields fields = new TopicFields();
    call.jsonBody(
        FIELDS,
        fields::take,
        () -> {
          boolean[] created = new boolean[1];
          Future<List<Answer<Topic>>> put =
              Masters.orNull(
                      Masters.<Topic>anyOfTopic(call.loop, name, new AdminRequest.GetTopic(name)),
                      ErrorCode.TOPIC_NOT_FOUND)
                  .compose(
                      old -> {
                        created[0] =
                            old == null
                                || broker != null
                                    && old.stream().noneMatch(at -> at.broker().equals(broker));
                        TopicConfig base =
                            old == null
                                ? TopicConfig.of(name, TopicConfig.DEFAULT_QUEUES)
                                : old.get(0).value().config();
                        AdminRequest change = new AdminRequest.PutTopic(fields.over(base));
                        return broker == null
                            ? Masters.allOfTopic(call.loop, name, ErrorCode.TOPIC_NOT_FOUND, change)
                            : putAt(call.loop, broker, change);
                      });
          call.await(
              put,
              topics -> {
                call.loop.directory.forget(name);
                answer(call, created[0] ? 201 : 200, topics);
              });
        });
  }

  /**
   * Puts a topic at a master, and with it the groups that it does not have: they would be made with
   * other settings by the first that consumes there.
   */
  private static Future<List<Answer<Topic>>> putAt(Loop loop, String broker, AdminRequest change) {
    return Masters.<Groups>at(loop, broker, new AdminRequest.ListGroups())
        .compose(
            there ->
                Masters.<Groups>any(loop, new AdminRequest.ListGroups())
                    .compose(all -> putGroups(loop, broker, missing(all, there.get(0).value()))))
        .compose(done -> Masters.at(loop, broker, change));
  }

  private static Deque<GroupConfig> missing(List<Answer<Groups>> all, Groups there) {
    Map<String, GroupConfig> byName = new TreeMap<>();
    all.forEach(a -> a.value().groups().forEach(group -> byName.putIfAbsent(group.name(), group)));
    there.groups().forEach(group -> byName.remove(group.name()));
    return new ArrayDeque<>(byName.values());
  }

  /** One after the other, as there may be many. */
  private static Future<Void> putGroups(Loop loop, String broker, Deque<GroupConfig> groups) {
    GroupConfig group = groups.poll();
    return group == null
        ? Future.succeededFuture()
        : Masters.at(loop, broker, new AdminRequest.PutGroup(group))
            .compose(done -> putGroups(loop, broker, groups));
  }

  /** DELETE /v1/topics/{topic}; with {@code broker} at that master alone. */
  static void delete(Call call) {
    String broker = call.plainQuery("broker").get("broker");
    String name = call.topic();
    AdminRequest delete = new AdminRequest.DeleteTopic(name);
    call.await(
        broker == null
            ? Masters.<Done>allOfTopic(call.loop, name, ErrorCode.TOPIC_NOT_FOUND, delete)
            : Masters.<Done>at(call.loop, broker, delete),
        ignored -> {
          call.loop.directory.forget(name);
          Answers.empty(call.response);
        });
  }

  private static void answer(Call call, int status, List<Answer<Topic>> found) {
    call.json(
        status,
        out -> {
          out.raw('{');
          writeTopic(out, found.get(0).value().config());
          out.next("offsets").raw('[');
          boolean first = true;
          for (Answer<Topic> each : found) {
            Topic topic = each.value();
            for (int i = 0; i < topic.maxOffsets().length; i++) {
              out.raw(first ? "{" : ",{").name("broker").string(each.broker());
              first = false;
              out.next("queue").number(i);
              out.next("min").number(topic.minOffsets()[i]);
              out.next("max").number(topic.maxOffsets()[i]).raw('}');
            }
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
}
