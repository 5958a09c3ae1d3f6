package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.LetterRequest;
import io.sluice.bus.LetterRequest.Browse;
import io.sluice.bus.LetterRequest.Cancel;
import io.sluice.bus.LetterRequest.GetStatus;
import io.sluice.bus.LetterRequest.Job;
import io.sluice.bus.LetterRequest.Kind;
import io.sluice.bus.LetterRequest.Letters;
import io.sluice.bus.LetterRequest.Start;
import io.sluice.bus.LetterRequest.State;
import io.sluice.bus.LetterRequest.Status;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertyNames;
import io.vertx.core.Future;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads, redrives and purges dead letters. A group may have some at each Broker: pages go through
 * the Brokers by name, jobs run at all of them. Static; each call is owned by its event loop.
 */
final class LetterHandlers {

  static final List<String> REDRIVE_FIELDS = List.of("max", "ratePerSecond", "filter");
  static final List<String> PURGE_FIELDS = List.of("max", "filter");

  private static final int MAX_BYTES = 8 << 20;

  /** More in a second is no rate but all that a Broker can. */
  private static final long MAX_RATE = 1_000_000;

  private LetterHandlers() {}

  /** GET /v1/groups/{group}/dead-letters. */
  static void browse(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    String group = call.group();
    Query query = call.query("limit", "after", "tag", "sql");
    int limit = (int) query.number("limit", ReadHandlers.DEFAULT_LIMIT, 1, ReadHandlers.MAX_LIMIT);
    Filter filter = Filters.of(query.get("tag"), query.get("sql"));
    Place after = Place.of(query.get("after"));
    Future<Page> page =
        call.loop
            .masters()
            .compose(
                masters -> {
                  List<String> brokers = new ArrayList<>(masters);
                  brokers.sort(null);
                  brokers.removeIf(name -> after != null && name.compareTo(after.broker) < 0);
                  long from =
                      after != null && !brokers.isEmpty() && brokers.get(0).equals(after.broker)
                          ? after.offset
                          : 0;
                  return page(call, brokers, 0, from, limit, group, filter, masters.size());
                });
    call.await(page, found -> writePage(call, group, found));
  }

  /** POST /v1/groups/{group}/dead-letters/redrive. */
  static void redrive(Call call) {
    start(call, Kind.REDRIVE, REDRIVE_FIELDS);
  }

  /** POST /v1/groups/{group}/dead-letters/purge. */
  static void purge(Call call) {
    start(call, Kind.PURGE, PURGE_FIELDS);
  }

  /** GET /v1/groups/{group}/dead-letters/job. */
  static void status(Call call) {
    call.checkPlain();
    String group = call.group();
    call.await(
        LetterHandlers.<Status>askAll(call, new GetStatus(group)),
        found -> answer(call, 200, group, found));
  }

  /** DELETE /v1/groups/{group}/dead-letters/job. */
  static void cancel(Call call) {
    call.checkPlain();
    String group = call.group();
    call.await(
        LetterHandlers.<Status>askAll(call, new Cancel(group)),
        found -> answer(call, 200, group, found));
  }

  private static void start(Call call, Kind kind, List<String> known) {
    call.checkPlain();
    String group = call.group();
    Fieldset fields = new Fieldset();
    call.jsonBody(
        known,
        (name, parser) -> known.contains(name) && fields.take(name, parser),
        () ->
            call.await(
                LetterHandlers.<Status>askAll(
                    call, new Start(group, kind, fields.filter, fields.max, fields.perSecond)),
                found -> answer(call, 202, group, found)));
  }

  /** What a page holds, and where the next one begins; null at the end. */
  private record Page(Letters letters, Place next) {}

  /** A place among the letters of all Brokers. */
  private record Place(String broker, long offset) {

    static Place of(String text) {
      if (text == null) {
        return null;
      }
      int dot = text.indexOf('.');
      try {
        if (dot > 0 && dot < text.length() - 1) {
          return new Place(text.substring(dot + 1), Long.parseLong(text.substring(0, dot)));
        }
      } catch (NumberFormatException e) {
        // Told below.
      }
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "after: found '" + text + "', allowed is what came as 'next' with the page before");
    }

    String text() {
      return offset + "." + broker;
    }
  }

  /** The first letters of the first Broker, from this one on, that has some. */
  private static Future<Page> page(
      Call call,
      List<String> brokers,
      int index,
      long from,
      int limit,
      String group,
      Filter filter,
      int unknown) {
    if (index == brokers.size()) {
      return Future.succeededFuture(new Page(null, null));
    }
    String broker = brokers.get(index);
    return call.loop
        .brokers
        .<Letters>letters(broker, new Browse(group, from, limit, MAX_BYTES, filter))
        .recover(
            failure ->
                unknown > 1 && SluiceException.of(failure).code() == ErrorCode.GROUP_NOT_FOUND
                    ? Future.succeededFuture(null)
                    : Future.failedFuture(failure))
        .compose(
            letters -> {
              int left = letters == null ? unknown - 1 : unknown;
              if (letters == null || letters.messages().count() == 0) {
                return page(call, brokers, index + 1, 0, limit, group, filter, left);
              }
              Place next =
                  letters.more()
                      ? new Place(broker, letters.nextOffset())
                      : index + 1 < brokers.size() ? new Place(brokers.get(index + 1), 0) : null;
              return Future.succeededFuture(new Page(letters, next));
            });
  }

  private static void writePage(Call call, String group, Page page) {
    if (page.letters() == null) {
      call.json(200, out -> out.raw("{\"messages\":[]}"));
      return;
    }
    String topic = Names.deadLetterTopic(group);
    try (var found = page.letters().messages()) {
      var block = call.loop.bodies.plain(found);
      call.json(
          200,
          out -> {
            MessageView view = new MessageView();
            out.raw("{\"messages\":[");
            for (int i = 0; i < block.count(); i++) {
              block.view(i, view);
              out.raw(i == 0 ? "{" : ",{");
              call.loop.messageJson.write(out, view, topic, 0);
              writeDeath(out, view);
              out.raw('}');
            }
            out.raw(']');
            if (page.next() != null) {
              out.next("next").string(page.next().text());
            }
            out.raw('}');
          });
      call.loop.counters.messagesOut.add(block.count());
    }
  }

  private static void writeDeath(JsonText out, MessageView view) {
    String cause = view.property(PropertyNames.DEAD_CAUSE);
    // RocketMQ's own way to the dead letters is by attempts, and leaves no reason.
    out.next("reason").string(cause == null ? "attempts" : cause);
    String error = view.property(PropertyNames.DEAD_REASON);
    if (error != null) {
      out.next("lastError").string(error);
    }
    out.next("attempts").number(view.reconsumeTimes());
    String redriven = view.property(PropertyNames.REDRIVEN);
    out.next("redriven").number(number(redriven, 0));
    String topic = view.property(PropertyNames.DLQ_ORIGIN_TOPIC);
    out.next("origin").raw("{\"topic\":");
    out.string(topic == null ? view.property(PropertyNames.RETRY_TOPIC) : topic);
    String queueId = view.property(PropertyNames.DEAD_QUEUE_ID);
    String queueOffset = view.property(PropertyNames.DEAD_QUEUE_OFFSET);
    if (queueId != null && queueOffset != null) {
      out.next("queueId").number(number(queueId, -1));
      out.next("queueOffset").number(number(queueOffset, -1));
    }
    out.raw('}');
  }

  private static long number(String text, long otherwise) {
    try {
      return text == null ? otherwise : Long.parseLong(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  /** Asks every master; the answers of those that had one, at least one, else a failure. */
  private static <T extends BusMessage> Future<List<T>> askAll(Call call, LetterRequest request) {
    return call.loop
        .masters()
        .compose(
            masters -> {
              if (masters.isEmpty()) {
                return Future.failedFuture(
                    new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "no Broker is registered"));
              }
              List<Future<T>> asked = new ArrayList<>();
              masters.forEach(master -> asked.add(call.loop.brokers.letters(master, request)));
              return Future.join(asked)
                  .transform(
                      ignored -> {
                        List<T> answers =
                            asked.stream().filter(Future::succeeded).map(Future::result).toList();
                        return answers.isEmpty()
                            ? Future.failedFuture(asked.get(0).cause())
                            : Future.succeededFuture(answers);
                      });
            });
  }

  private static void answer(Call call, int status, String group, List<Status> all) {
    call.json(
        status,
        out -> {
          out.raw("{\"group\":").string(group);
          out.next("waiting").number(all.stream().mapToLong(Status::waiting).sum());
          List<Job> jobs = all.stream().map(Status::job).filter(job -> job != null).toList();
          out.next("job");
          if (jobs.isEmpty()) {
            out.raw("null");
          } else {
            writeJob(out, jobs);
          }
          out.raw('}');
        });
  }

  private static void writeJob(JsonText out, List<Job> jobs) {
    Job first = jobs.get(0);
    out.raw("{\"id\":").number(first.id());
    out.next("kind").string(lower(first.kind()));
    out.next("state").string(lower(state(jobs)));
    out.next("moved").number(jobs.stream().mapToLong(Job::moved).sum());
    out.next("passed").number(jobs.stream().mapToLong(Job::passed).sum());
    out.next("stuck").number(jobs.stream().mapToLong(Job::stuck).sum());
    out.next("left").number(jobs.stream().mapToLong(LetterHandlers::left).sum());
    out.next("max").number(first.max());
    out.next("ratePerSecond").number(first.perSecond());
    if (!first.filter().equals(Filter.ALL)) {
      boolean sql = first.filter().kind() == Filter.Kind.SQL;
      out.next("filter").raw('{').name(sql ? "sql" : "tag");
      out.string(first.filter().expression()).raw('}');
    }
    out.next("startedAt").number(first.startedAtMs());
    if (first.endedAtMs() > 0) {
      out.next("endedAt").number(first.endedAtMs());
    }
    for (Job job : jobs) {
      if (job.detail() != null) {
        out.next("detail").string(job.detail());
        break;
      }
    }
    out.raw('}');
  }

  private static State state(List<Job> jobs) {
    for (State state : List.of(State.RUNNING, State.FAILED, State.CANCELLED)) {
      if (jobs.stream().anyMatch(job -> job.state() == state)) {
        return state;
      }
    }
    return State.DONE;
  }

  private static long left(Job job) {
    return job.isRunning() ? Math.max(0, job.endOffset() - job.nextOffset()) : 0;
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /** The fields that were given. */
  private static final class Fieldset {
    private long max;
    private long perSecond;
    private Filter filter = Filter.ALL;

    boolean take(String name, JsonParser parser) throws IOException {
      switch (name) {
        case "max" -> max = Fields.number(name, parser, 1, Long.MAX_VALUE);
        case "ratePerSecond" -> perSecond = Fields.number(name, parser, 1, MAX_RATE);
        case "filter" -> filter = Filters.read(name, parser);
        default -> {
          return false;
        }
      }
      return true;
    }
  }
}
