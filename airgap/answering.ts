import type grpc from "@grpc/grpc-js";

type Work<Request, Response> = (request: Request) => Response | Promise<Response>;

/** A handler that answers with what `work` returns, or with its error's message and nothing else. */
export function answering<Request, Response>(work: Work<Request, Response>) {
  return (call: { request: Request }, answer: grpc.sendUnaryData<Response>): void => {
    Promise.resolve(call.request)
      .then(work)
      .then(
        (response) => answer(null, response),
        (error: Error) => answer({ code: 2, details: error.message }),
      );
  };
}
