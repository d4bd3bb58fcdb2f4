import { mount } from "svelte";
import App from "./App.svelte";
import { connect } from "./ipc/connect";
import { AppState } from "./state/app.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

const host = await connect();
const app = new AppState(host);
mount(App, { target: document.getElementById("app")!, props: { app } });
await app.start();
