package io.sluice.gateway;

import io.sluice.metrics.Counter;
import io.sluice.metrics.Metrics;

/** What the gateway counts. Any thread may count. */
final class GatewayCounters {

  final Counter messagesIn;
  final Counter bytesIn;
  final Counter messagesOut;
  final Counter bytesOut;
  final Counter settled;
  final Counter requests;
  final Counter clientErrors;
  final Counter serverErrors;
  final Counter busy;
  final Counter timedOut;
  final Counter socketsOpened;
  final Counter connectionsRefused;

  GatewayCounters(Metrics metrics) {
    messagesIn =
        metrics.counter("sluice_gateway_messages_in_total", "Messages stored for clients.");
    bytesIn = metrics.counter("sluice_gateway_bytes_in_total", "Bytes of the records of these.");
    messagesOut =
        metrics.counter("sluice_gateway_messages_out_total", "Messages handed to clients.");
    bytesOut = metrics.counter("sluice_gateway_bytes_out_total", "Bytes of the records of these.");
    settled = metrics.counter("sluice_gateway_settled_total", "Settlements passed on.");
    requests = metrics.counter("sluice_gateway_requests_total", "HTTP requests.");
    clientErrors =
        metrics.counter(
            "sluice_gateway_errors_total", "Answers that say an error.", "side", "client");
    serverErrors =
        metrics.counter(
            "sluice_gateway_errors_total", "Answers that say an error.", "side", "server");
    busy = metrics.counter("sluice_gateway_busy_total", "Requests refused because of a bound.");
    timedOut =
        metrics.counter(
            "sluice_gateway_timed_out_total", "Connections closed because nothing came or went.");
    socketsOpened = metrics.counter("sluice_gateway_sockets_opened_total", "WebSockets opened.");
    connectionsRefused =
        metrics.counter(
            "sluice_gateway_connections_refused_total",
            "HTTP connections refused because there were too many.");
  }
}
