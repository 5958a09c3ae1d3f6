package io.sluice.remoting;

/**
 * Carries out the requests of one code or of a family of codes: decode, check, act, encode. Called
 * on the front's event loop. Answers each exchange once, now or later; what it throws becomes the
 * answer.
 */
@FunctionalInterface
interface RequestHandler {

  void handle(Exchange exchange);
}
