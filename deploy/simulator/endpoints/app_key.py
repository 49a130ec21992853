"""Where a handler finds the simulator it serves."""

from aiohttp import web

from deploy.simulator.running.simulator import Simulator

SIMULATOR = web.AppKey("simulator", Simulator)
