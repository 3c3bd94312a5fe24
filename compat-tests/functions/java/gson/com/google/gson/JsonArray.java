package com.google.gson;

public final class JsonArray extends JsonElement {
    public native void add(String value);
}
