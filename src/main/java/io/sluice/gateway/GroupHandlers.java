package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.AdminRequest.Groups;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.Positions;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import io.sluice.gateway.Masters.Answer;
import io.sluice.util.Durations;
import io.vertx.core.Future;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Groups, their positions and how far they are behind. Static; each call is owned by its event
 * loop.
 */
final class GroupHandlers {

  static final List<String> FIELDS = List.of("maxAttempts", "retryDelays", "orderedRetry");

  /** RocketMQ clients count attempts in an int; more than this is no policy but a mistake. */
  private static final int MAX_ATTEMPTS = 10_000;

  private static final int MAX_RETRY_DELAYS = 64;
  private static final long MAX_DELAY_MS = 40L * 86_400_000;

  private GroupHandlers() {}

  /** GET /v1/groups. */
  static void list(Call call) {
    call.checkPlain();
    call.await(
        Masters.<Groups>any(call.loop, new AdminRequest.ListGroups()),
        answers -> {
          Map<String, GroupConfig> byName = new TreeMap<>();
          answers.forEach(a -> a.value().groups().forEach(g -> byName.putIfAbsent(g.name(), g)));
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
  static void get(Call call) {
    call.checkPlain();
    call.await(
        Masters.<GroupConfig>any(call.loop, new AdminRequest.GetGroup(call.group())),
        found -> call.json(200, out -> writeGroup(out, found.get(0).value())));
  }

  /** PUT /v1/groups/{group}. */
  static void put(Call call) {
    call.checkPlain();
    String name = call.group();
    GroupFields fields = new GroupFields();
    call.jsonBody(
        FIELDS,
        fields::take,
        () -> {
          boolean[] created = new boolean[1];
          Future<List<Answer<GroupConfig>>> put =
              Masters.orNull(
                      Masters.<GroupConfig>any(call.loop, new AdminRequest.GetGroup(name)),
                      ErrorCode.GROUP_NOT_FOUND)
                  .compose(
                      old -> {
                        created[0] = old == null;
                        GroupConfig base = old == null ? GroupConfig.of(name) : old.get(0).value();
                        return Masters.all(
                            call.loop,
                            ErrorCode.GROUP_NOT_FOUND,
                            new AdminRequest.PutGroup(fields.over(base)));
                      });
          call.await(
              put,
              groups ->
                  call.json(created[0] ? 201 : 200, out -> writeGroup(out, groups.get(0).value())));
        });
  }

  /** DELETE /v1/groups/{group}. */
  static void delete(Call call) {
    call.checkPlain();
    call.await(
        Masters.<Done>all(
            call.loop, ErrorCode.GROUP_NOT_FOUND, new AdminRequest.DeleteGroup(call.group())),
        ignored -> Answers.empty(call.response));
  }

  /** GET /v1/groups/{group}/lag. */
  static void lag(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    boolean detail = call.query("detail").flag("detail");
    String group = call.group();
    call.await(
        Masters.<Lag>any(call.loop, new AdminRequest.GetLag(group)),
        lags -> call.json(200, out -> writeLag(out, call.loop.clock.nowMs(), group, lags, detail)));
  }

  /** PUT /v1/groups/{group}/topics/{topic}/position. */
  static void putPosition(Call call) {
    call.checkPlain();
    String group = call.group();
    String topic = call.topic();
    PositionFields fields = new PositionFields();
    call.jsonBody(
        PositionFields.FIELDS,
        fields::take,
        () ->
            call.await(
                setPosition(call.loop, fields.request(group, topic)),
                found -> call.json(200, out -> writePositions(out, group, topic, found))));
  }

  /**
   * Moves a group at every master that has the topic.
   *
   * @return fails with CONFLICT for offsets where several have it: they would name queues of each
   */
  static Future<List<Answer<Positions>>> setPosition(Loop loop, SetPosition request) {
    if (request.to() != null) {
      return Masters.allOfTopic(loop, request.topic(), ErrorCode.TOPIC_NOT_FOUND, request);
    }
    return loop.brokersFor(request.topic())
        .compose(
            brokers ->
                brokers.size() > 1
                    ? Future.failedFuture(
                        new SluiceException(
                            ErrorCode.CONFLICT,
                            "the topic '"
                                + request.topic()
                                + "' is at "
                                + String.join(", ", brokers)
                                + ", and offsets are of one; move to earliest, latest or a time"))
                    : Masters.allOfTopic(
                        loop, request.topic(), ErrorCode.TOPIC_NOT_FOUND, request));
  }

  private static void writePositions(
      JsonText out, String group, String topic, List<Answer<Positions>> found) {
    out.raw("{\"group\":").string(group).next("topic").string(topic);
    out.next("queues").raw('[');
    boolean first = true;
    for (Answer<Positions> each : found) {
      Positions positions = each.value();
      for (int i = 0; i < positions.queueIds().length; i++) {
        out.raw(first ? "{" : ",{").name("broker").string(each.broker());
        first = false;
        out.next("queue").number(positions.queueIds()[i]);
        out.next("offset").number(positions.queueOffsets()[i]).raw('}');
      }
    }
    out.raw("]}");
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
      JsonText out, long nowMs, String group, List<Answer<Lag>> lags, boolean detail) {
    Sum all = new Sum();
    Map<String, Sum> byTopic = new TreeMap<>();
    for (Answer<Lag> lag : lags) {
      for (QueueLag queue : lag.value().queues()) {
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
      for (Answer<Lag> lag : lags) {
        for (QueueLag queue : lag.value().queues()) {
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
}
