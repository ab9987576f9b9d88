"""One function ties the layers together: `run(spec, on_event) -> RunResult`."""
