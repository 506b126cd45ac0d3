"""Asks AWS's own Python client what it makes of the answers of an endpoint.

Reads a JSON list of questions from standard input:
{"service", "operation", "parameters"}, and with "page_size" every page of the answer.
Writes a JSON list with one opinion each:
{"pages": [...]} or {"error": {"code", "message", "status"}},
and in "objections" whatever the answer holds that AWS's model of the service does not.
Credentials, region and endpoint come from the environment, as for any client.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

import botocore.config
import botocore.exceptions
import botocore.session
from botocore import xform_name
from dateutil import parser as dates


def main():
    session = botocore.session.get_session()
    questions = json.load(sys.stdin)
    once = botocore.config.Config(retries={"total_max_attempts": 1})
    services = {question["service"] for question in questions}
    clients = {service: session.create_client(service, config=once) for service in services}
    opinions = [Opinion(clients[q["service"]], q).form() for q in questions]
    json.dump(opinions, sys.stdout, default=str)


class Opinion:
    def __init__(self, client, question):
        self.client = client
        self.question = question
        # What an item of a list is called, where the model does not say.
        self.item = "member" if question["service"] == "autoscaling" else "item"
        self.objections = []

    def form(self):
        self.client.meta.events.register("before-parse", self.compare)
        try:
            pages = [without_metadata(page) for page in self.ask()]
        except botocore.exceptions.ClientError as error:
            said = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            said = {"code": said["Code"], "message": said["Message"], "status": status}
            return {"error": said, "objections": self.objections}
        finally:
            self.client.meta.events.unregister("before-parse", self.compare)
        return {"pages": pages, "objections": self.objections}

    def ask(self):
        operation = xform_name(self.question["operation"])
        parameters = self.question["parameters"]
        if "page_size" in self.question:
            paging = {"PageSize": self.question["page_size"]}
            paginator = self.client.get_paginator(operation)
            return paginator.paginate(**parameters, PaginationConfig=paging)
        return [getattr(self.client, operation)(**parameters)]

    def compare(self, operation_model, response_dict, **_):
        """Holds a whole answer against the model; the client itself passes over what it does not know."""
        if response_dict["status_code"] != 200:
            return
        shape = operation_model.output_shape
        if operation_model.metadata["protocol"] == "ec2":
            root = ElementTree.fromstring(response_dict["body"])
            elements = [e for e in root if name_of(e) != "requestId"]
            self.compare_elements(shape, elements, name_of(root))
        elif operation_model.metadata["protocol"] == "query":
            result = ElementTree.fromstring(response_dict["body"])[0]
            self.compare_elements(shape, list(result), name_of(result))
        else:
            self.compare_json(shape, json.loads(response_dict["body"]), shape.name)

    def compare_json(self, shape, value, path):
        kind = shape.type_name
        if kind == "structure" and isinstance(value, dict):
            for name, member in value.items():
                if name in shape.members:
                    self.compare_json(shape.members[name], member, f"{path}.{name}")
                else:
                    self.object(f"{path}.{name} is unknown")
        elif kind == "list" and isinstance(value, list):
            for n, member in enumerate(value):
                self.compare_json(shape.member, member, f"{path}[{n}]")
        elif kind == "string" and isinstance(value, str):
            self.compare_text(shape, value, path)
        elif kind == "boolean" and isinstance(value, bool):
            pass
        elif kind in ("integer", "long") and type(value) is int:
            pass
        elif kind in ("double", "float", "timestamp") and type(value) in (int, float):
            pass
        else:
            self.object(f"{path} is {value!r}, not of type {kind}")

    def compare_elements(self, shape, elements, path):
        members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
        seen = set()
        for element in elements:
            name = name_of(element)
            if name in seen:
                self.object(f"{path}.{name} is there twice")
            seen.add(name)
            if name in members:
                self.compare_element(members[name], element, f"{path}.{name}")
            else:
                self.object(f"{path}.{name} is unknown")

    def compare_element(self, shape, element, path):
        kind = shape.type_name
        text = element.text or ""
        if kind == "structure":
            self.compare_elements(shape, list(element), path)
        elif kind == "list":
            for n, item in enumerate(element):
                if name_of(item) != shape.member.serialization.get("name", self.item):
                    self.object(f"{path}[{n}] is called {name_of(item)}")
                self.compare_element(shape.member, item, f"{path}[{n}]")
        elif kind == "string":
            self.compare_text(shape, text, path)
        elif kind == "boolean" and text in ("true", "false"):
            pass
        elif kind in ("integer", "long") and re.fullmatch("-?[0-9]+", text):
            pass
        elif kind == "timestamp" and dates.isoparse(text):
            pass
        else:
            self.object(f"{path} is {text!r}, not of type {kind}")

    def compare_text(self, shape, text, path):
        if shape.enum and text not in shape.enum:
            self.object(f"{path} is {text!r}, which is none of {shape.enum}")

    def object(self, objection):
        self.objections.append(objection)


def name_of(element):
    """Without its namespace."""
    return element.tag.rpartition("}")[2]


def without_metadata(page):
    return {name: value for name, value in page.items() if name != "ResponseMetadata"}


main()
